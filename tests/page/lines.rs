//! Lines as they are shown, opened and scrolled.

use sha2::{Digest, Sha256};

use crate::browser::SHIFT;
use crate::stage::Stage;
use crate::support::{append, wait_for};

#[test]
fn an_opened_line_shows_its_fields_and_filter_for_narrows() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines = concat!(
        r#"{"message":"dunlin paid","customer":"ada","amount":12}"#,
        "\n",
        r#"{"message":"dunlin paid","customer":"bob","amount":7}"#,
        "\n",
    );
    stage.keep("fields.txt", lines, "dunlin");
    let tab = stage.open("/?q=dunlin");
    tab.until("document.querySelectorAll('.row').length === 2");
    tab.click("[...document.querySelectorAll('.row-text')].find(line => line.textContent.includes('ada'))");
    let value = "[...document.querySelectorAll('.detail-fields tr')].find(row => row.querySelector('th').textContent === 'customer')?.querySelector('.detail-value').textContent";
    tab.until(&format!("{value} === 'ada'"));
    tab.click("document.querySelector('[aria-label=\"Keep only customer\"]')");
    tab.until_lines(&[r#"{"message":"dunlin paid","customer":"ada","amount":12}"#]);
    let query: String = tab.eval("document.querySelector('.query-text').value");
    assert!(query.contains("dunlin") && query.contains("customer:"), "{query}");
}

#[test]
fn a_file_is_read_searched_followed_and_saved_as_it_was_written() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("elsewhere.txt", "whimbrel elsewhere\n", "whimbrel");
    // Without times of their own the lines have that of their reading: the file's order is what counts.
    let lines: String = (0..2_000)
        .map(|n| match n {
            1_000 => "whimbrel itself\n".to_owned(),
            1_900 => "a Grebe dives\n".to_owned(),
            _ => format!("line {n} of the marsh\n"),
        })
        .collect();
    append(&stage.file("marsh.txt"), &lines);
    wait_for("the lines to be searchable", || {
        (stage.program.count("whimbrel") == 2 && stage.program.count("\"of the marsh\"") == 1_998).then_some(())
    });
    let tab = stage.open("/?q=whimbrel+itself&from=all");
    tab.until_lines(&["whimbrel itself"]);
    tab.click("document.querySelector('.row-text')");
    tab.click("[...document.querySelectorAll('.detail-actions button')].find(button => button.textContent.includes('Context'))");
    // The line stands between those that stand beside it in the file, in the file's order.
    tab.until("document.querySelector('.row.selected .row-text')?.textContent === 'whimbrel itself'");
    let beside = "(() => { const rows = [...document.querySelectorAll('.row')].sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)); \
        const at = rows.findIndex(row => row.classList.contains('selected')); \
        return [rows[at - 1], rows[at + 1]].map(row => row?.querySelector('.row-text').textContent).join(); })()";
    tab.until(&format!("{beside} === 'line 999 of the marsh,line 1001 of the marsh'"));
    // Scrolling up ends at the first line, far beyond what came first.
    tab.until(
        "(() => { document.querySelector('.lines').scrollTop -= 2000; return [...document.querySelectorAll('.row-text')].some(row => row.textContent === 'line 0 of the marsh'); })()",
    );
    // What is looked for is found beyond what is held, in any case.
    tab.press("/");
    tab.type_text("grebe");
    tab.press("Enter");
    tab.until("document.querySelector('.row.selected .row-text')?.textContent === 'a Grebe dives'");
    assert_eq!(
        tab.eval::<String>("document.querySelector('.row.selected mark').textContent"),
        "Grebe"
    );
    tab.press("Enter");
    tab.until("document.querySelector('.find-state').textContent === 'Not found below'");
    // At the end it stays there as lines come.
    tab.click("[...document.querySelectorAll('.file-tools button')].find(button => button.textContent === 'Follow')");
    tab.until("[...document.querySelectorAll('.row-text')].some(row => row.textContent === 'line 1999 of the marsh')");
    append(&stage.file("marsh.txt"), "one more of the marsh\n");
    tab.until("[...document.querySelectorAll('.row-text')].some(row => row.textContent === 'one more of the marsh')");
    tab.click(
        "[...document.querySelectorAll('.file-tools button')].find(button => button.textContent === 'Following')",
    );
    // The bytes are those of the file.
    let saved: String = tab.eval(
        "(async () => { const link = [...document.querySelectorAll('.file-head a')].find(a => a.textContent.includes('Download original')); \
            const bytes = await (await fetch(link.href)).arrayBuffer(); \
            return [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))].map(b => b.toString(16).padStart(2, '0')).join(''); })()",
    );
    let source = std::fs::read(stage.file("marsh.txt")).unwrap();
    assert_eq!(saved, hex(&Sha256::digest(source)));
    // Back where one came from.
    tab.press("Escape");
    tab.press("Escape");
    tab.until_lines(&["whimbrel itself"]);
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn fields_stand_as_columns_that_move_and_resize_and_the_address_keeps_them() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines = concat!(
        r#"{"message":"sanderling","city":"Oslo","n":1}"#,
        "\n",
        r#"{"message":"sanderling","city":"Bergen"}"#,
        "\n",
    );
    stage.keep("columns.txt", lines, "sanderling");
    let tab = stage.open("/?q=sanderling");
    tab.until("document.querySelectorAll('.row').length === 2");
    tab.click("document.querySelector('.row-text')");
    tab.click("document.querySelector('[aria-label=\"Column city\"]')");
    tab.until("document.querySelectorAll('.row-cell').length === 2");
    tab.press("Escape");
    tab.click("[...document.querySelectorAll('.row-text')].find(line => line.textContent.includes('Oslo'))");
    tab.click("document.querySelector('[aria-label=\"Column n\"]')");
    let cells = "[...document.querySelectorAll('.row-cell')].map(cell => cell.textContent).sort().join()";
    tab.until(&format!("{cells} === '1,Bergen,Oslo,–'"));
    assert!(tab.eval::<String>("location.search").contains("cols=city,n"));
    tab.eval::<bool>("document.querySelector('[aria-label=\"Move n left\"]').focus(), true");
    tab.press("Enter");
    tab.until("location.search.includes('cols=n,city')");
    let width = "document.querySelector('.column-head').getBoundingClientRect().width";
    let before: f64 = tab.eval(width);
    tab.eval::<bool>("document.querySelector('.column-edge').focus(), true");
    tab.press("ArrowRight");
    tab.until(&format!("{width} === {before} + 10"));
    let again = stage.open(&tab.eval::<String>("location.pathname + location.search"));
    again.until("document.querySelectorAll('.column-name').length === 2");
    assert_eq!(again.eval::<f64>(width), before + 10.0);
}

#[test]
fn several_lines_are_chosen_and_copied_in_the_order_of_their_time() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..5)
        .map(|n| format!("2026-11-20T10:00:0{n}Z lapwing {n}\n"))
        .collect();
    stage.keep("chosen.txt", &lines, "lapwing");
    let tab = stage.open("/?q=lapwing&from=all");
    tab.until("document.querySelectorAll('.row').length === 5");
    tab.hear_copies();
    tab.press("j");
    tab.press("J");
    tab.until("document.querySelectorAll('.row.chosen').length === 2");
    tab.press("y");
    assert_eq!(
        tab.copied(),
        "2026-11-20T10:00:03Z lapwing 3\n2026-11-20T10:00:04Z lapwing 4\n"
    );
    tab.click_with(
        SHIFT,
        "[...document.querySelectorAll('.row-text')].find(line => line.textContent.includes('lapwing 1'))",
    );
    tab.until("document.querySelectorAll('.row.chosen').length === 4");
    tab.press("Escape");
    tab.until("document.querySelectorAll('.row.chosen').length === 0");
}

#[test]
fn a_wrapped_line_is_whole_and_the_next_stands_below_it() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let long = format!("phalarope {} end", "ä long wörd, and möre ".repeat(60));
    stage.keep(
        "wrapped.txt",
        &format!("phalarope first\n{long}\nphalarope last\n"),
        "phalarope",
    );
    let tab = stage.open("/?q=phalarope");
    tab.until("document.querySelectorAll('.row').length === 3");
    tab.eval::<bool>("document.querySelector('.lines').focus(), true");
    tab.press("z");
    tab.until("!!document.querySelector('.lines-frame.wrap')");
    // No row's text runs into the next row.
    let apart = "(() => { const rows = [...document.querySelectorAll('.row')].sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)); \
        return rows[1].getBoundingClientRect().height > 100 && rows.every((row, at) => !rows[at + 1] || \
            row.querySelector('.row-text').getBoundingClientRect().bottom <= rows[at + 1].getBoundingClientRect().top + 0.5); })()";
    tab.until(apart);
    tab.press("z");
    tab.until("!document.querySelector('.lines-frame.wrap')");
}

#[test]
fn colours_of_a_terminal_are_shown_and_json_is_laid_out_as_it_was_written() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let json = r#"{"b":1.50,"bird":"ruddy knot","a":[12345678901234567890]}"#;
    stage.keep(
        "looks.txt",
        &format!("\u{1b}[1;31m ruddy\u{1b}[0m shelduck\n{json}\n"),
        "ruddy",
    );
    let tab = stage.open("/?q=shelduck");
    tab.until_lines(&[" ruddy shelduck"]);
    assert_eq!(
        tab.eval::<String>("document.querySelector('.row-text .ansi-1.ansi-bold').textContent"),
        " ruddy"
    );
    let tab = stage.open("/?q=knot+ruddy");
    tab.until_lines(&[json]);
    tab.click("document.querySelector('.row-text')");
    let shown = "document.querySelector('.detail-text').textContent";
    tab.until(&format!(
        "{shown} === '{{\\n  \"b\": 1.50,\\n  \"bird\": \"ruddy knot\",\\n  \"a\": [\\n    12345678901234567890\\n  ]\\n}}'"
    ));
    tab.click(
        "[...document.querySelectorAll('.detail-form button')].find(button => button.textContent === 'As written')",
    );
    tab.until(&format!("{shown} === '{json}'"));
}

#[test]
fn a_hostile_line_is_only_text() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let line = "stilt <script>window.struck = 1</script><img src=x onerror='window.struck = 1'> \u{1b}[31mred\u{1b}[0m \u{202e}live";
    stage.keep("hostile.txt", &format!("{line}\n"), "stilt");
    let tab = stage.open("/?q=stilt");
    tab.until("document.querySelectorAll('.row').length === 1");
    let shown = tab.lines().remove(0);
    assert!(
        shown.starts_with("stilt <script>window.struck = 1</script><img src=x onerror="),
        "{shown}"
    );
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    tab.click("document.querySelector('.row-text')");
    tab.until("!!document.querySelector('.detail-text')");
    assert!(tab.eval::<bool>(
        "document.querySelectorAll('.main script, .main img').length === 0 && window.struck === undefined"
    ));
    assert!(!tab.text().contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn three_thousand_lines_scroll_by_with_fewer_than_a_hundred_in_the_document() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..3_000).map(|n| format!("curlew number {n}\n")).collect();
    stage.keep("many.txt", &lines, "curlew");
    let tab = stage.open("/?q=curlew");
    tab.until("document.querySelectorAll('.row').length > 10");
    // Most of a screen at a time, as a wheel does, until the end says that it is the end.
    let scrolled: (usize, usize) = tab.eval(
        "(async () => {
            const seen = new Set();
            let most = 0;
            const end = Date.now() + 20_000;
            while (Date.now() < end) {
                await new Promise(requestAnimationFrame);
                const rows = document.querySelectorAll('.row-text');
                most = Math.max(most, rows.length);
                rows.forEach(row => seen.add(row.textContent));
                const list = document.querySelector('.lines');
                const bottom = list.scrollTop + list.clientHeight + 2 > list.scrollHeight;
                if (bottom && document.querySelector('.lines-end').textContent.startsWith('the oldest')) break;
                list.scrollTop += list.clientHeight * 0.8;
            }
            return [seen.size, most];
        })()",
    );
    let (seen, most) = scrolled;
    assert_eq!(seen, 3_000);
    assert!(most < 100, "{most} rows were in the document at once");
}

#[test]
fn keys_go_to_the_days_that_have_lines() {
    let stage = Stage::get();
    let _turn = stage.turn();
    // More than a screen of each day.
    let lines: String = [3, 7, 20]
        .into_iter()
        .flat_map(|day| (0..60).map(move |n| format!("2026-10-{day:02}T08:{n:02}:00Z dowitcher {day} at {n}\n")))
        .collect();
    stage.keep("days.txt", &lines, "dowitcher");
    let tab = stage.open("/?q=dowitcher&from=all");
    tab.until("document.querySelectorAll('.row').length > 20");
    let first = "[...document.querySelectorAll('.row')].sort((a, b) => parseFloat(a.style.top) - parseFloat(b.style.top)) \
        .find(row => row.getBoundingClientRect().bottom > document.querySelector('.lines').getBoundingClientRect().top + 1)?.querySelector('.row-text').textContent";
    tab.until(&format!("{first}?.includes('dowitcher 20 at 59')"));
    tab.press("[");
    tab.until(&format!("{first}?.includes('dowitcher 7 at 59')"));
    tab.press("[");
    tab.until(&format!("{first}?.includes('dowitcher 3 at 59')"));
    tab.press("]");
    tab.until(&format!("{first}?.includes('dowitcher 7 at 59')"));
}

#[test]
fn marked_text_of_a_line_can_be_found_left_out_and_copied() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep(
        "marked.txt",
        "ptarmigan white winter\nptarmigan brown summer\n",
        "ptarmigan",
    );
    let tab = stage.open("/?q=ptarmigan");
    tab.until("document.querySelectorAll('.row').length === 2");
    let mark = "(() => { const line = [...document.querySelectorAll('.row-text')].find(line => line.textContent.includes('winter')); \
        const text = [...line.childNodes].map(node => node.firstChild ?? node).find(node => node.textContent.includes('white')); \
        const range = new Range(); const at = text.textContent.indexOf('white'); range.setStart(text, at); range.setEnd(text, at + 5); \
        getSelection().removeAllRanges(); getSelection().addRange(range); window.dispatchEvent(new MouseEvent('mouseup')); return true; })()";
    tab.eval::<bool>(mark);
    tab.until("!!document.querySelector('.offer')");
    tab.click("[...document.querySelectorAll('.offer button')].find(button => button.textContent === 'Leave out')");
    tab.until_lines(&["ptarmigan brown summer"]);
    assert!(
        tab.eval::<String>("document.querySelector('.query-text').value")
            .contains("white")
    );
}

#[test]
fn an_opened_line_marks_what_was_found_and_a_column_goes_where_its_head_is_dragged() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("quetzal.txt", "a red quetzal swims\n", "quetzal");
    let tab = stage.open("/?q=quetzal&cols=host:100,service:100,severity:100");
    tab.until_lines(&["a red quetzal swims"]);
    tab.click("document.querySelector('.row-text')");
    tab.until("document.querySelector('.detail-text mark')?.textContent === 'quetzal'");
    // By pointer the first goes behind the second, by the keyboard back again; the address keeps it.
    let heads = "[...document.querySelectorAll('.column-name')].map(head => head.textContent).join()";
    let [x, y, ..] = tab.place("document.querySelector('.column-name')");
    tab.drag(&[[x + 10.0, y + 6.0], [x + 60.0, y + 6.0], [x + 80.0, y + 6.0]]);
    tab.release([x + 80.0, y + 6.0]);
    tab.until(&format!("{heads} === 'service,host,severity'"));
    tab.eval::<bool>("document.querySelectorAll('.column-name')[1].focus(), true");
    tab.press("ArrowRight");
    tab.until(&format!("{heads} === 'service,severity,host'"));
    tab.until("document.activeElement.textContent === 'host'");
    tab.press("ArrowLeft");
    tab.until(&format!("{heads} === 'service,host,severity'"));
    assert!(
        tab.eval::<String>("location.search")
            .contains("cols=service:100,host:100,severity:100")
    );
}

#[test]
fn the_last_line_of_a_file_is_shown_with_no_gap_above_it() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..400).map(|n| format!("drongo {n}\n")).collect();
    stage.keep("drongo.txt", &lines, "drongo");
    let tab = stage.open("/?q=%22drongo+399%22&from=all");
    tab.until_lines(&["drongo 399"]);
    tab.click("document.querySelector('.row-text')");
    tab.click("[...document.querySelectorAll('.detail-actions button')].find(button => button.textContent.includes('Context'))");
    tab.until("document.querySelector('.row.selected .row-text')?.textContent === 'drongo 399'");
    tab.until(
        "(() => { const list = document.querySelector('.lines').getBoundingClientRect(); \
          const tops = [...document.querySelectorAll('.row')].map(row => row.getBoundingClientRect().top); \
          return Math.min(...tops) <= list.top && document.querySelector('.lines-end').getBoundingClientRect().bottom <= list.bottom + 1; })()",
    );
}
