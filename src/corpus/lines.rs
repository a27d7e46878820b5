//! Lines of each service, from a seed.

use super::random::Random;
use super::{FRAGMENT, NEEDLE};

/// A record: its text (several lines for a stack trace, without the last end), its time, and its level
/// for a store that does not find it by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) time: String,
    pub(crate) level: &'static str,
}

/// The lines of one service.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    service: &'static str,
    random: Random,
    count: u64,
}

impl Lines {
    /// The same service and seed give the same lines.
    pub(crate) fn new(service: &'static str, seed: u64) -> Self {
        Self {
            service,
            random: Random::new(seed),
            count: 0,
        }
    }

    /// A number below `end`, from the same seed as the lines.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.random.below(end)
    }

    /// The next line, of this time (milliseconds since the epoch).
    pub(crate) fn next(&mut self, unix_ms: u64) -> Line {
        let clock = Clock::new(unix_ms);
        let level = ["info", "info", "info", "info", "info", "debug", "warn", "error"][self.random.below(8) as usize];
        self.count += 1;
        let mut text = self.text(&clock, level);
        if self.service == "web" && self.count == 1_777 {
            text.push_str(&format!(" {NEEDLE}"));
        }
        if self.service == "db" && self.count == 1_555 {
            text.push_str(&format!(" plan=0e1f{FRAGMENT}a2b3"));
        }
        let time = format!("{}T{}Z", clock.date, clock.time);
        Line { text, time, level }
    }

    fn text(&mut self, clock: &Clock, level: &str) -> String {
        match self.service {
            "web" => self.web(clock),
            "api" => self.api(clock, level),
            "shop" => self.shop(clock, level),
            "auth" => self.auth(clock),
            "db" => self.db(clock, level),
            "worker" => self.worker(clock, level),
            "edge" => self.edge(clock),
            "billing" => self.billing(clock, level),
            _ => self.cart(clock, level),
        }
    }

    fn web(&mut self, clock: &Clock) -> String {
        let random = &mut self.random;
        let (method, path) = random.pick(&[
            ("GET", "/"),
            ("GET", "/api/v1/items/"),
            ("POST", "/api/v1/orders/"),
            ("GET", "/static/app.js?v="),
            ("GET", "/search?q="),
        ]);
        let browser = random.pick(&[
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15",
            "curl/8.14.1",
            "Googlebot/2.1 (+http://www.google.com/bot.html)",
        ]);
        format!(
            "10.{}.{}.{} - - [{}T{}+00:00] \"{method} {path}{} HTTP/1.1\" {} {} \"-\" \"{browser}\"",
            random.below(4),
            random.below(256),
            random.below(256),
            clock.date,
            clock.time,
            random.skewed(20_000),
            random.pick(&[200, 200, 200, 200, 304, 404, 500]),
            random.below(90_000),
        )
    }

    fn api(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let message = match level {
            "error" => random.pick(&["connection reset by peer", "upstream timed out", "token expired"]),
            "warn" => random.pick(&["slow request", "retrying"]),
            _ => random.pick(&["request done", "cache hit", "cache miss", "request accepted"]),
        };
        format!(
            "{{\"ts\":\"{}T{}Z\",\"level\":\"{level}\",\"logger\":\"api.{}\",\"node\":\"api-{}\",\"msg\":\"{message}\",\"request_id\":\"{:016x}\",\"user\":\"u{}\",\"status\":{},\"duration_ms\":{}.{:03}}}",
            clock.date,
            clock.time,
            random.pick(&["http", "db", "auth", "cache"]),
            random.below(6),
            random.wide(),
            random.skewed(5000),
            random.pick(&[200, 200, 200, 201, 404, 500, 503]),
            random.skewed(900),
            random.below(1000),
        )
    }

    fn shop(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        format!(
            "{{\"ts\":\"{}T{}Z\",\"level\":\"{level}\",\"msg\":\"{}\",\"order\":\"{:012x}\",\"user\":\"u{}\",\"amount\":{}.{:02},\"items\":{},\"address\":{{\"country\":\"{}\",\"zip\":\"{:05}\"}}}}",
            clock.date,
            clock.time,
            random.pick(&["order placed", "order paid", "order shipped", "cart emptied"]),
            random.wide() >> 16,
            random.skewed(5000),
            random.skewed(400),
            random.below(100),
            1 + random.below(9),
            random.pick(&["DE", "FR", "US", "JP", "BR"]),
            random.below(99_999),
        )
    }

    fn edge(&mut self, clock: &Clock) -> String {
        let random = &mut self.random;
        let (method, path) = random.pick(&[
            ("GET", "/"),
            ("GET", "/api/v1/items/"),
            ("POST", "/api/v1/orders/"),
            ("GET", "/static/img/"),
        ]);
        format!(
            "{{\"time\":\"{}T{}Z\",\"remote_addr\":\"198.51.{}.{}\",\"request\":\"{method} {path}{} HTTP/2.0\",\"status\":{},\"body_bytes_sent\":{},\"request_time\":0.{:03},\"upstream\":\"10.0.{}.{}:8080\",\"http_user_agent\":\"{}\",\"request_id\":\"{:032x}\"}}",
            clock.date,
            clock.time,
            random.skewed(256),
            random.below(256),
            random.skewed(20_000),
            random.pick(&[200, 200, 200, 200, 200, 301, 304, 404, 502]),
            random.skewed(90_000),
            random.skewed(1000),
            random.below(2),
            random.below(12),
            random.pick(&[
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15",
                "kube-probe/1.34",
            ]),
            u128::from(random.wide()) << 64 | u128::from(random.wide()),
        )
    }

    fn auth(&mut self, clock: &Clock) -> String {
        let random = &mut self.random;
        let (host, pid) = (random.below(12), 1000 + random.below(60_000));
        let (user, a, b, port) = (
            random.skewed(5000),
            random.below(256),
            random.below(256),
            random.below(65_536),
        );
        let what = match random.below(4) {
            0 => format!("Failed password for invalid user u{user} from 203.0.{a}.{b} port {port} ssh2"),
            1 => format!("Accepted publickey for u{user} from 10.1.{a}.{b} port {port} ssh2"),
            2 => format!("pam_unix(sshd:session): session opened for user u{user} by (uid=0)"),
            _ => format!("Received disconnect from 203.0.{a}.{b} port {port}:11: Bye Bye [preauth]"),
        };
        format!(
            "{}T{}+00:00 bastion-{host:02} sshd[{pid}]: {what}",
            clock.date, clock.time
        )
    }

    fn db(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let (pid, ms, id) = (100 + random.below(40), random.skewed(2000), random.wide() >> 40);
        let what = match (level, random.below(3)) {
            ("error", _) => format!(
                "ERROR:  duplicate key value violates unique constraint \"orders_pkey_{}\"",
                id % 9
            ),
            (_, 0) => format!(
                "LOG:  checkpoint complete: wrote {} buffers ({}.{}%); sync={ms}.{} ms",
                id % 16_384,
                id % 100,
                ms % 10,
                id % 1000
            ),
            _ => format!(
                "LOG:  duration: {ms}.{:03} ms  statement: SELECT * FROM items WHERE id = {id}",
                id % 1000
            ),
        };
        format!("{} {} UTC [{pid}] {what}", clock.date, clock.time)
    }

    fn worker(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        format!(
            "ts={}T{}Z level={level} msg=\"{}\" job={:016x} queue={} attempt={} took={}.{}ms",
            clock.date,
            clock.time,
            random.pick(&["job done", "job queued", "job started", "job will be tried again"]),
            random.wide(),
            random.pick(&["mail", "thumbnails", "invoices"]),
            1 + random.below(3),
            random.skewed(30_000),
            random.below(10),
        )
    }

    fn cart(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let (thread, user) = (random.below(32), random.skewed(5000));
        let what = match level {
            "error" => format!(
                "connection reset by peer, giving up on cart {:08x}",
                random.wide() >> 32
            ),
            "warn" => format!(
                "price of item {} changed while in {} carts",
                random.skewed(20_000),
                random.below(50)
            ),
            _ => format!(
                "added item {} for user u{user}, {} in cart",
                random.skewed(20_000),
                random.below(20)
            ),
        };
        format!(
            "{} {} {:5} [http-nio-8080-exec-{thread}] com.example.cart.CartService - {what}",
            clock.date,
            clock.time.replace('.', ","),
            level.to_ascii_uppercase(),
        )
    }

    /// Java's way, with a stack trace behind errors.
    fn billing(&mut self, clock: &Clock, level: &str) -> String {
        let random = &mut self.random;
        let (thread, invoice) = (random.below(16), random.wide() >> 32);
        let mut text = format!(
            "{} {} {:5} [pool-2-thread-{thread}] com.example.billing.InvoiceService - ",
            clock.date,
            clock.time.replace('.', ","),
            level.to_ascii_uppercase(),
        );
        if level != "error" {
            let what = random.pick(&["invoice {} sent", "invoice {} paid", "invoice {} will be tried again"]);
            text.push_str(&what.replace("{}", &format!("{invoice:08x}")));
            return text;
        }
        let cause = random.pick(&[
            "java.net.SocketTimeoutException: Read timed out",
            "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available",
            "com.example.billing.RateException: no rate for currency",
        ]);
        text.push_str(&format!(
            "invoice {invoice:08x} failed\njava.lang.IllegalStateException: cannot bill order {}",
            random.skewed(50_000)
        ));
        frames(random, &mut text, 6);
        text.push_str(&format!("\nCaused by: {cause}"));
        frames(random, &mut text, 3);
        text.push_str(&format!("\n\t... {} more", 5 + random.below(30)));
        text
    }
}

/// Some frames of a stack trace.
fn frames(random: &mut Random, text: &mut String, most: u64) {
    for _ in 0..=random.below(most) {
        let (class, method) = random.pick(&[
            ("com.example.billing.InvoiceService", "bill"),
            ("com.example.billing.RateClient", "rate"),
            ("com.example.http.Client", "send"),
            ("java.util.concurrent.ThreadPoolExecutor", "runWorker"),
            ("com.zaxxer.hikari.pool.HikariPool", "getConnection"),
        ]);
        let file = class.rsplit('.').next().unwrap_or(class);
        text.push_str(&format!(
            "\n\tat {class}.{method}({file}.java:{})",
            10 + random.below(900)
        ));
    }
}

/// A time, written out.
struct Clock {
    date: String,
    time: String,
}

impl Clock {
    fn new(unix_ms: u64) -> Self {
        let (year, month, day) = civil(unix_ms / 86_400_000);
        Self {
            date: format!("{year:04}-{month:02}-{day:02}"),
            time: format!(
                "{:02}:{:02}:{:02}.{:03}",
                unix_ms / 3_600_000 % 24,
                unix_ms / 60_000 % 60,
                unix_ms / 1000 % 60,
                unix_ms % 1000
            ),
        }
    }
}

/// Year, month and day of a day counted from the epoch. Years begin in March here, so that the day
/// that leap years add is the last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // from 0000-03-01
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next_year) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + next_year, month, day)
}
