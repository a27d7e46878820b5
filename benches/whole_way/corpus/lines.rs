//! Lines of each service, from a fixed seed.

use super::{FRAGMENT, NEEDLE};

const DAYS: u64 = 14;
/// About what a line takes, to spread the lines over the days.
const LINE_BYTES: u64 = 140;

/// A line, its time, and its level for a store that does not find it by itself.
pub(super) struct Line {
    pub(super) text: String,
    pub(super) time: String,
    pub(super) level: &'static str,
}

/// The lines of one service.
pub(super) struct Lines {
    service: &'static str,
    random: Random,
    at_ms: u64,
    step_ms: u64,
    count: u64,
}

impl Lines {
    pub(super) fn new(service: &'static str, seed: u64, bytes: u64) -> Self {
        let lines = (bytes / LINE_BYTES).max(1);
        Self {
            service,
            random: Random(7 + seed * 1_000_003),
            at_ms: 0,
            step_ms: (2 * DAYS * 86_400_000 / lines).max(2),
            count: 0,
        }
    }

    pub(super) fn next(&mut self) -> Line {
        self.at_ms = (self.at_ms + self.random.below(self.step_ms)).min(DAYS * 86_400_000 - 1);
        let clock = Clock::new(self.at_ms);
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
}

/// A time of November 2026, written out.
struct Clock {
    date: String,
    time: String,
}

impl Clock {
    fn new(at_ms: u64) -> Self {
        Self {
            date: format!("2026-11-{:02}", 1 + at_ms / 86_400_000),
            time: format!(
                "{:02}:{:02}:{:02}.{:03}",
                at_ms / 3_600_000 % 24,
                at_ms / 60_000 % 60,
                at_ms / 1000 % 60,
                at_ms % 1000
            ),
        }
    }
}

/// A linear congruential generator: the same corpus everywhere.
struct Random(u64);

impl Random {
    fn wide(&mut self) -> u64 {
        let high = self.bits();
        high << 32 | self.bits()
    }
    fn bits(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 32
    }
    fn below(&mut self, end: u64) -> u64 {
        self.bits() % end
    }
    /// Below `end`, small numbers far more often.
    fn skewed(&mut self, end: u64) -> u64 {
        let (a, b) = (self.below(end), self.below(end));
        a * b / end
    }
    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}
