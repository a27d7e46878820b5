use super::*;

fn ready(names: &[&str]) -> Multiline {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    Multiline::new(None, None, false, &names).unwrap()
}

/// Events stand between lines of `==`.
#[track_caller]
fn check(rule: &Multiline, events: &str) {
    let expected: Vec<String> = events
        .split("==\n")
        .map(|event| event.trim_end_matches('\n').to_owned())
        .collect();
    let mut found: Vec<String> = Vec::new();
    let mut memory = Memory::default();
    for line in events.lines().filter(|line| *line != "==") {
        match found.last_mut() {
            Some(event) if rule.continues(&mut memory, line.as_bytes()) => *event += &format!("\n{line}"),
            _ => {
                memory = rule.begin(line.as_bytes());
                found.push(line.to_owned());
            }
        }
    }
    // Empty lines at an event's end may belong to it.
    let found: Vec<&str> = found.iter().map(|event| event.trim_end_matches('\n')).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_start_pattern_begins_events_and_all_else_goes_on() {
    let rule = Multiline::new(Some(r"^\d{4}-"), None, false, &[]).unwrap();
    check(&rule, "2026-01 a\nb\n c\n==\n2026-02 d\n==\n2026-03 e\nf\n");
}

#[test]
fn a_continuation_pattern_and_indentation_say_what_goes_on() {
    let rule = Multiline::new(None, Some(r"^\+"), false, &[]).unwrap();
    check(&rule, "a\n+b\n+c\n==\nd\n==\n e\n");
    let rule = Multiline::new(None, None, true, &[]).unwrap();
    check(&rule, "a\n b\n\tc\n==\nd\n==\ne\n f\n");
}

#[test]
fn with_both_a_start_never_goes_on_and_other_lines_do_where_they_say_so() {
    let rule = Multiline::new(Some(r"^\s*#"), None, true, &[]).unwrap();
    check(&rule, "# a\n b\n==\n # c\n d\n==\ne\n");
}

#[test]
fn java_traces_are_one_event_with_the_message_before_them() {
    check(
        &ready(&["java"]),
        r#"10:00 INFO started
==
10:01 ERROR c.e.Shop - order failed
java.lang.IllegalStateException: no stock
	at com.example.Shop.order(Shop.java:12)
	at java.base/java.lang.Thread.run(Thread.java:833)
Caused by: java.io.IOException: disk
	at com.example.Disk.read(Disk.java:3)
	... 2 more
	Suppressed: java.lang.Error: x
		at com.example.A.close(A.java:1)
==
10:02 INFO goes on
==
Exception in thread "main" java.lang.NullPointerException
	at com.example.Main.main(Main.java:14)
==
java.lang.RuntimeException: alone
	at com.example.Main.main(Main.java:14)
==
10:03 INFO again
"#,
    );
}

#[test]
fn python_tracebacks_end_with_the_exception_and_chain() {
    check(
        &ready(&["python"]),
        r#"INFO:root:start
==
ERROR:root:it failed
Traceback (most recent call last):
  File "a.py", line 3, in <module>
    1 / 0
    ~~^~~
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 5, in <module>
    x()
NameError: name 'x' is not defined
==
INFO:root:next
==
Traceback (most recent call last):
  File "b.py", line 1, in <module>
KeyError: 'a'
==
Traceback (most recent call last):
  File "b.py", line 1, in <module>
KeyError: 'b'
==
done
"#,
    );
}

#[test]
fn go_panics_hold_their_goroutines() {
    check(
        &ready(&["go"]),
        r#"2026/01/02 started
==
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.main()
	/srv/main.go:8 +0x1d
main.(*T).run(0xc000010, 0x2)
	/srv/t.go:9 +0x2

goroutine 7 [chan receive]:
main.wait(0x0)
	/srv/w.go:1 +0x1
created by main.main in goroutine 1
	/srv/main.go:2 +0x5
exit status 2
==
2026/01/02 started again
==
2026/01/02 http: panic serving 10.0.0.1:5000: boom
goroutine 34 [running]:
net/http.(*conn).serve.func1()
	/go/server.go:1850 +0xb0
==
2026/01/02 GET /
"#,
    );
}

#[test]
fn node_errors_hold_their_frames_and_fields() {
    check(
        &ready(&["node"]),
        r#"listening
==
/srv/app.js:10
    throw new TypeError('bad');
    ^

TypeError: bad
    at Object.<anonymous> (/srv/app.js:10:11)
    at node:internal/main/run_main_module:23:47 {
  code: 'E_BAD',
  [cause]: Error: x
      at y (/srv/y.js:1:1)
}

Node.js v20.11.0
==
next line
==
Error: alone
    at f (/srv/a.js:1:2)
==
GET / 200
"#,
    );
}

#[test]
fn dotnet_exceptions_hold_inner_ones() {
    check(
        &ready(&["dotnet"]),
        r#"info: App[0] started
==
Unhandled exception. System.InvalidOperationException: outer
 ---> System.ArgumentException: inner
   at App.Inner() in /src/App.cs:line 5
   --- End of inner exception stack trace ---
   at App.Main() in /src/App.cs:line 9
--- End of stack trace from previous location ---
   at App.X()
==
fail: App[0] request failed
System.NullReferenceException: Object reference not set
   at App.Y()
==
info: App[0] next
"#,
    );
}

#[test]
fn ruby_backtraces_hold_where_they_came_from() {
    check(
        &ready(&["ruby"]),
        "I, started\n==\na.rb:3:in `foo': no luck (RuntimeError)\n\tfrom a.rb:7:in `bar'\n\tfrom a.rb:9:in `<main>'\n==\nI, next\n\
         ==\na.rb:3:in 'Object#foo': no luck (RuntimeError)\n\tfrom a.rb:7:in 'block in <main>'\n==\nI, next\n",
    );
}

#[test]
fn php_errors_hold_their_stack() {
    check(
        &ready(&["php"]),
        "[02-Jan] NOTICE: ready\n==\n\
         PHP Fatal error:  Uncaught Exception: no in /srv/a.php:3\nStack trace:\n#0 /srv/a.php(7): foo()\n#1 {main}\n\nNext LogicException: x\n#0 {main}\n  thrown in /srv/a.php on line 3\n==\n\
         [02-Jan] local.ERROR: bad {\"exception\":\"[object] (E(code: 0))\n[stacktrace]\n#0 /srv/b.php(1): x()\n#1 {main}\n\"}\n==\n\
         [02-Jan] NOTICE: next\n",
    );
}

#[test]
fn all_ready_made_rules_work_beside_each_other() {
    let rule = ready(&READY_NAMES);
    check(
        &rule,
        "INFO a\n==\nERROR b\njava.lang.Error: x\n\tat a.B.c(B.java:1)\n==\nERROR d\nTraceback (most recent call last):\n  File \"x\"\nKeyError: 1\n==\nINFO e\n==\nplain(line)\n",
    );
}

#[test]
fn a_rule_that_cannot_be_read_says_what_is_wrong() {
    let error = |start, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Multiline::new(start, None, false, &names).unwrap_err()
    };
    assert!(error(Some("("), &[]).starts_with("start: "));
    assert!(error(None, &["jave"]).contains("java, python"));
    assert!(error(None, &[]).contains("neither"));
}
