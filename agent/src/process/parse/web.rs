//! Lines of web servers as grok patterns. Sources: nginx, `ngx_http_log_module` (combined) and
//! `error_log`; Apache HTTP Server, "Log Files" and `ErrorLogFormat` of 2.4 and 2.2.

/// Common and combined access logs of both.
pub(super) const ACCESS: &str = r#"^%{IPORHOST:client} (?:-|%{NOTSPACE:ident}) (?:-|(?<user>\S.*?)) \[(?<time>[^\]]+)\] "(?:%{WORD:method} %{NOTSPACE:path}(?: HTTP/%{NUMBER:http_version})?|(?<request>[^"]*))" %{INT:status:int} (?:-|%{INT:bytes:int})(?: "(?:-|(?<referrer>(?:\\.|[^"\\])*))" "(?:-|(?<user_agent>(?:\\.|[^"\\])*))")?"#;

/// nginx: `2026/11/24 14:00:00 [error] 42#7: *3 open() failed, client: …, server: …, request: "…"`.
pub(super) const NGINX_ERROR: &str = r#"^(?<time>%{YEAR}/%{MONTHNUM2}/%{MONTHDAY} %{TIME}) \[%{WORD:level}\] %{INT:pid:int}#%{INT:tid:int}: (?:\*%{INT:connection:int} )?(?<message>.*?)(?:, client: (?<client>[^,]+))?(?:, server: (?<server>[^,]*))?(?:, request: "(?<request>(?:\\.|[^"\\])*)")?(?:, upstream: "(?<upstream>[^"]*)")?(?:, host: "(?<host_header>[^"]*)")?(?:, referrer: "(?<referrer>[^"]*)")?$"#;

/// Apache 2.4: `[Tue Nov 24 14:00:00.123456 2026] [core:error] [pid 42:tid 7] [client 1.2.3.4:5] AH00037: …`.
pub(super) const APACHE_ERROR: &str = r"^\[(?<time>[^\]]+)\] \[%{WORD:module}?:%{WORD:level}\] \[pid %{INT:pid:int}(?::tid %{INT:tid:int})?\](?: \[client (?<client>[^\]]+)\])? (?:(?<code>AH[0-9]{5}): )?(?<message>.*)$";

/// Apache 2.2: `[Tue Nov 24 14:00:00 2026] [error] [client 1.2.3.4] …`.
pub(super) const APACHE_ERROR_2_2: &str =
    r"^\[(?<time>[^\]]+)\] \[%{WORD:level}\](?: \[client (?<client>[^\]]+)\])? (?<message>.*)$";
