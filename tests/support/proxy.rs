//! A network between two programs that delays, cuts, stalls without closing, refuses, and accepts
//! without ever answering, as its seed says.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::load::Random;

/// How often threads look whether something changed.
const LOOK: Duration = Duration::from_millis(5);

/// What becomes of one connection.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    /// Each piece comes so much later, at most.
    Delay(u64),
    /// Ended on both sides after so many bytes of one direction.
    Cut(Way, u64),
    /// After so many bytes of one direction nothing comes through any more, and nothing is closed.
    Stall(Way, u64),
    /// Accepted; nothing ever comes.
    Mute,
    /// Closed at once, and for so long nobody listens.
    Refuse(u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

impl Fault {
    fn chosen(random: &mut Random) -> Self {
        let way = if random.one_in(2) { Way::There } else { Way::Back };
        // As often below a hundred bytes as above a hundred thousand.
        let bytes = random.next() >> (44 + random.below(20));
        match random.below(8) {
            0 => Self::None,
            1 => Self::Delay(1 + random.below(60)),
            2..=4 => Self::Cut(way, bytes),
            5 => Self::Stall(way, bytes),
            6 => Self::Mute,
            _ => Self::Refuse(random.below(1000)),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delay(_) => "delayed",
            Self::Cut(..) => "cut",
            Self::Stall(..) => "stalled",
            Self::Mute => "mute",
            Self::Refuse(_) => "refused",
        }
    }
}

/// The network. Connections end when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    accepting: Option<JoinHandle<()>>,
}

struct State {
    upstream: String,
    random: Mutex<Random>,
    is_faulty: AtomicBool,
    /// What goes through connections made before now stalls.
    stalled_before: Mutex<Option<Instant>>,
    /// Connections made before now end.
    cut_before: Mutex<Option<Instant>>,
    is_over: AtomicBool,
    accepted: Mutex<Vec<Instant>>,
    tally: Mutex<BTreeMap<&'static str, u64>>,
}

impl Proxy {
    /// Listens on a port of its own and leads to `upstream`, without a fault as yet.
    pub fn start(upstream: &str, seed: u64) -> Self {
        let address = SocketAddr::from(([127, 0, 0, 1], super::port()));
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            random: Mutex::new(Random::new(seed)),
            is_faulty: AtomicBool::new(false),
            stalled_before: Mutex::new(None),
            cut_before: Mutex::new(None),
            is_over: AtomicBool::new(false),
            accepted: Mutex::default(),
            tally: Mutex::default(),
        });
        let listener = listen(address);
        let accepting = state.clone();
        Self {
            address,
            state,
            accepting: Some(std::thread::spawn(move || accepting.accept(address, listener))),
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Whether connections made from now on have faults.
    pub fn set_faulty(&self, is_faulty: bool) {
        self.state.is_faulty.store(is_faulty, Ordering::SeqCst);
    }

    /// Nothing comes through the present connections any more, and nothing is closed.
    pub fn stall(&self) {
        *self.state.stalled_before.lock().unwrap() = Some(Instant::now());
    }

    /// The present connections end.
    pub fn cut(&self) {
        *self.state.cut_before.lock().unwrap() = Some(Instant::now());
    }

    /// When the last connection was made.
    pub fn last_accepted(&self) -> Option<Instant> {
        self.state.accepted.lock().unwrap().last().copied()
    }

    /// How many connections had which fault.
    pub fn tally(&self) -> BTreeMap<&'static str, u64> {
        self.state.tally.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.state.is_over.store(true, Ordering::SeqCst);
        if let Some(accepting) = self.accepting.take() {
            accepting.join().ok();
        }
    }
}

fn listen(address: SocketAddr) -> TcpListener {
    let listener = super::wait_for("the port", || TcpListener::bind(address).ok());
    listener.set_nonblocking(true).unwrap();
    listener
}

impl State {
    fn accept(self: Arc<Self>, address: SocketAddr, mut listener: TcpListener) {
        while !self.is_over() {
            let Ok((client, _)) = listener.accept() else {
                std::thread::sleep(LOOK);
                continue;
            };
            self.accepted.lock().unwrap().push(Instant::now());
            let fault = if self.is_faulty.load(Ordering::SeqCst) {
                Fault::chosen(&mut self.random.lock().unwrap())
            } else {
                Fault::None
            };
            *self.tally.lock().unwrap().entry(fault.name()).or_default() += 1;
            if let Fault::Refuse(millis) = fault {
                drop((client, listener));
                std::thread::sleep(Duration::from_millis(millis));
                listener = listen(address);
                continue;
            }
            let state = self.clone();
            std::thread::spawn(move || state.serve(client, fault));
        }
    }

    fn serve(self: Arc<Self>, client: TcpStream, fault: Fault) {
        let begun = Instant::now();
        if let Fault::Mute = fault {
            return self.hold();
        }
        let Ok(upstream) = TcpStream::connect(&self.upstream) else {
            return;
        };
        let ends = Arc::new((client, upstream));
        let is_stalled = Arc::new(AtomicBool::new(false));
        let other = {
            let (state, ends, is_stalled) = (self.clone(), ends.clone(), is_stalled.clone());
            std::thread::spawn(move || state.pump((&ends.0, &ends.1), (Way::There, fault), begun, &is_stalled))
        };
        self.pump((&ends.1, &ends.0), (Way::Back, fault), begun, &is_stalled);
        other.join().ok();
        if is_stalled.load(Ordering::SeqCst) {
            self.hold();
        }
    }

    /// Carries bytes of one direction until the connection ends or stalls.
    fn pump(
        &self,
        (mut from, mut to): (&TcpStream, &TcpStream),
        (way, fault): (Way, Fault),
        begun: Instant,
        is_stalled: &AtomicBool,
    ) {
        from.set_read_timeout(Some(LOOK)).ok();
        to.set_nodelay(true).ok();
        let mut left = match fault {
            Fault::Cut(on, bytes) | Fault::Stall(on, bytes) if on == way => bytes,
            _ => u64::MAX,
        };
        let mut buffer = [0; 16 << 10];
        while !self.is_over() {
            let is_before = |at: &Mutex<Option<Instant>>| at.lock().unwrap().is_some_and(|at| begun < at);
            if is_before(&self.stalled_before) {
                is_stalled.store(true, Ordering::SeqCst);
            }
            if is_before(&self.cut_before) {
                break;
            }
            if is_stalled.load(Ordering::SeqCst) {
                return;
            }
            let read = match from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => continue,
                Err(_) => break,
            };
            if let Fault::Delay(millis) = fault {
                std::thread::sleep(Duration::from_millis(self.random.lock().unwrap().below(millis)));
            }
            let pass = (read as u64).min(left) as usize;
            if to.write_all(&buffer[..pass]).is_err() {
                break;
            }
            left -= pass as u64;
            if left == 0 {
                if let Fault::Stall(..) = fault {
                    is_stalled.store(true, Ordering::SeqCst);
                    return;
                }
                break;
            }
        }
        from.shutdown(Shutdown::Both).ok();
        to.shutdown(Shutdown::Both).ok();
    }

    /// Keeps what the caller holds open until the end.
    fn hold(&self) {
        while !self.is_over() {
            std::thread::sleep(LOOK * 10);
        }
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::SeqCst)
    }
}
