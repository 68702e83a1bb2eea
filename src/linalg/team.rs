//! The threads that share the work of a training step.
//!
//! A step of a small network takes ten microseconds, and to wake a sleeping thread takes as long. So the members of a team
//! stay awake between its jobs, unless others want their cores: they watch two words in memory, and work is handed to them by writing one. Handing over
//! needs no lock, and no call of the system.
//!
//! Work is cut into parts, and whoever claims a part first does it. The leader, which is the thread that trains, claims parts
//! like everybody: a member that does not come in time, since the machine is busy, is not waited for. One that loses its core in the
//! middle of a part must be waited for; the leader keeps an account of what sharing gains (`pace`), and works alone while it loses.
//!
//! Who does a part changes no bit of it.

pub mod cores;
mod pace;

use std::cell::{Cell, RefCell, UnsafeCell};
use std::fmt;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pace::Pace;

/// Parts that work is cut into at most.
pub const MOST_PARTS: usize = 32;

/// For no more parts than these little room is cleared: for all it would cost a step of five jobs a hundredth.
const FEW_PARTS: usize = 4;

/// Looks that find nothing to do, about 0.1 ms of them, after which a member goes to sleep.
const LOOKS_TO_SLEEP: u32 = 5_000;

/// Looks, about 5 µs of them, after which a member offers its core to others: it may be the leader's, who then could not offer anything.
const LOOKS_TO_YIELD: u32 = 250;

/// A member that gets its core back only so long after it offered it goes to sleep: others want it, perhaps the leader, and to offer it
/// again and again would only be to take turns with them.
const LONG_YIELD: Duration = Duration::from_micros(50);

/// A leader, and members that wait for parts of its work until the team is dropped.
#[derive(Debug)]
pub struct Team {
    shared: Arc<Shared>,
    members: Vec<JoinHandle<()>>,
    /// Locked while the team is led.
    pace: Mutex<Pace>,
}

/// What leader and members both look at.
#[derive(Debug)]
struct Shared {
    parts: Gate,
    beside: Gate,
    /// By member: whether it must be woken.
    asleep: Vec<AtomicBool>,
    /// Where the leader was when it last woke one.
    core_of_leader: AtomicUsize,
    ending: AtomicBool,
}

thread_local! {
    /// Set in a thread that leads a team.
    static LEADER: RefCell<Option<Rc<Leader>>> = const { RefCell::new(None) };
}

/// What only the leader looks at.
struct Leader {
    shared: Arc<Shared>,
    members: Vec<thread::Thread>,
    /// It is in the middle of work that is shared: what that work shares in turn, it does alone.
    is_sharing: Cell<bool>,
    beside: Cell<Beside>,
    /// Jobs shared since [`beside`] last began.
    shared_jobs: Cell<u32>,
    pace: RefCell<Pace>,
}

/// What is to be done beside the leader's work.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// Until members have helped with that work.
    HeldBack,
    /// Members may do it.
    Offered,
}

/// Nothing is to be done beside any more, even if the work panics: the job is gone then.
struct Over<'a>(&'a Cell<Beside>);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.set(Beside::Nothing);
    }
}

impl Team {
    /// A leader and `threads - 1` members: [`MOST_PARTS`] threads at most.
    ///
    /// # Errors
    /// If the system refuses to start as many.
    pub fn new(threads: usize) -> io::Result<Self> {
        let count = threads.min(MOST_PARTS).saturating_sub(1);
        let shared = Arc::new(Shared {
            parts: Gate::default(),
            beside: Gate::default(),
            asleep: (0..count).map(|_| AtomicBool::new(false)).collect(),
            core_of_leader: AtomicUsize::new(usize::MAX),
            ending: AtomicBool::new(false),
        });
        let pace = Mutex::new(Pace::new(Instant::now()));
        let mut team = Self { shared, members: Vec::with_capacity(count), pace };
        for member in 0..count {
            let shared = Arc::clone(&team.shared);
            let thread = thread::Builder::new().name(format!("gemmnist-step-{}", member + 1));
            team.members.push(thread.spawn(move || shared.serve(member))?); // those before end with `team`
        }
        Ok(team)
    }

    /// The same, which shares its first job.
    #[cfg(test)]
    pub fn that_shares(threads: usize) -> Self {
        let team = Self::new(threads).unwrap();
        *team.pace.lock().unwrap() = Pace::that_shares(Instant::now());
        team
    }

    /// Runs `work` in this thread as the team's leader: what it hands to [`share`] and [`beside`], the members help with.
    ///
    /// # Panics
    /// If another thread leads the team, or this one does already.
    pub fn lead<R>(&self, work: impl FnOnce() -> R) -> R {
        struct Restore(Option<Rc<Leader>>);
        impl Drop for Restore {
            fn drop(&mut self) {
                LEADER.set(self.0.take());
            }
        }
        let mut account = match self.pace.try_lock() {
            Ok(account) => account,
            Err(TryLockError::Poisoned(account)) => account.into_inner(), // work has panicked before
            Err(TryLockError::WouldBlock) => panic!("a team has one leader at a time"),
        };
        account.go_on(Instant::now());
        let leader = Rc::new(Leader {
            shared: Arc::clone(&self.shared),
            members: self.members.iter().map(|member| member.thread().clone()).collect(),
            is_sharing: Cell::new(self.members.is_empty()),
            beside: Cell::new(Beside::Nothing),
            shared_jobs: Cell::new(0),
            pace: RefCell::new(account.clone()),
        });
        let _before = Restore(LEADER.replace(Some(Rc::clone(&leader))));
        let result = work();
        *account = leader.pace.borrow().clone();
        result
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for member in self.members.drain(..) {
            member.thread().unpark();
            let _ = member.join(); // its panics were the leader's already
        }
    }
}

/// Runs `work`, which is no part of the steps, between two of them: the account of what sharing gains leaves it out.
pub fn aside<R>(work: impl FnOnce() -> R) -> R {
    let result = work();
    LEADER.with_borrow(|leader| {
        if let Some(leader) = leader {
            leader.pace.borrow_mut().go_on(Instant::now());
        }
    });
    result
}

/// Threads that work handed to [`share`] here may be done by, and parts that it should be cut into: 1 to [`MOST_PARTS`].
pub fn size() -> usize {
    LEADER.with_borrow(|leader| leader.as_ref().map_or(1, |leader| (1 + leader.members.len()).min(MOST_PARTS)))
}

/// Does `work(part)` for every `part` below `parts`, once each, with the help of the team that this thread leads, if any.
///
/// # Panics
/// If there are more than [`MOST_PARTS`], or `work` does.
pub fn share(parts: usize, work: impl Fn(usize) + Sync) {
    match Leader::for_job(parts) {
        Some(leader) => leader.share(parts, &work),
        None => (0..parts).for_each(work),
    }
}

/// Does `work` with each piece of something, as [`share`] does parts: `piece(n, of)` makes the `n`-th of so many, in order and
/// before any work with them. There are `parts` of them, or as many as `alone` says if this thread works alone now, each made before its work: one where what is whole takes less time and has the same bits.
///
/// # Panics
/// As [`share`].
pub fn for_each<T: Send>(
    parts: usize,
    alone: usize,
    mut piece: impl FnMut(usize, usize) -> T,
    work: impl Fn(T) + Sync,
) {
    let Some(leader) = Leader::for_job(parts) else {
        return (0..alone).for_each(|part| work(piece(part, alone)));
    };
    if parts <= FEW_PARTS {
        leader.share_pieces::<FEW_PARTS, T>(parts, piece, work);
    } else {
        leader.share_pieces::<MOST_PARTS, T>(parts, piece, work);
    }
}

/// A piece of work, in cache lines of its own: two threads take theirs at the same time.
#[repr(align(128))]
struct Slot<T>(Mutex<Option<T>>);

/// Does `work`, and `other` some time before it returns: beside it, by a member that has nothing else to do, or after it. Where
/// `work` shared more than one thing last time, members help with the first of them before they turn to the other; where it shared
/// nothing, it is too small to hand anything over.
///
/// # Panics
/// If one of them does.
pub fn beside<R>(other: impl FnOnce() + Send, work: impl FnOnce() -> R) -> R {
    let other = Mutex::new(Some(other));
    let take = |_| {
        let other = other.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(other) = other {
            other();
        }
    };
    let may = |leader: &Rc<Leader>| leader.pace.borrow().is_shared() && leader.beside.get() == Beside::Nothing;
    let Some(leader) = Leader::free().filter(may) else {
        let result = work();
        take(0);
        return result;
    };
    let job = leader.shared.beside.prepare(&take);
    let over = Over(&leader.beside);
    leader.beside.set(Beside::HeldBack);
    if leader.shared_jobs.replace(0) == 1 {
        leader.offer_beside();
    }
    let result = work();
    let is_taken = leader.beside.get() == Beside::Offered && job.claim().is_none();
    drop(over);
    if !is_taken {
        take(0);
    }
    drop(job);
    result
}

impl Leader {
    /// The leader that this thread is, if it is not in the middle of a job.
    fn free() -> Option<Rc<Self>> {
        LEADER.with_borrow(Option::clone).filter(|leader| !leader.is_sharing.get())
    }

    /// The same, if work in so many parts is worth sharing just now. Asked once for each.
    fn for_job(parts: usize) -> Option<Rc<Self>> {
        assert!(parts <= MOST_PARTS, "too many parts");
        let leader = if parts > 1 { Self::free() } else { None };
        leader.filter(|leader| leader.pace.borrow_mut().next_is_shared(Instant::now))
    }

    /// Does `work` with every part, once each, with the help of the members.
    fn share(&self, parts: usize, work: &(impl Fn(usize) + Sync)) {
        self.is_sharing.set(true);
        let job = self.shared.parts.prepare(work);
        self.shared.parts.offer(1..parts);
        self.wake();
        work(0);
        while let Some(part) = job.claim() {
            work(part);
        }
        if let Some(waited) = job.wait() {
            self.pace.borrow_mut().waited(waited);
        }
        drop(job);
        self.is_sharing.set(false); // after a panic it stays: whoever catches it goes on alone
        self.shared_jobs.set(self.shared_jobs.get() + 1);
        if self.beside.get() == Beside::HeldBack {
            self.offer_beside();
        }
    }

    /// [`share`](Self::share) with a piece for each part, of which there is room for so `MANY`.
    fn share_pieces<const MANY: usize, T: Send>(
        &self,
        parts: usize,
        mut piece: impl FnMut(usize, usize) -> T,
        work: impl Fn(T) + Sync,
    ) {
        let slots: [Slot<T>; MANY] =
            std::array::from_fn(|part| Slot(Mutex::new((part < parts).then(|| piece(part, parts)))));
        self.share(parts, &|part| {
            let piece = slots[part].0.try_lock().ok().and_then(|mut slot| slot.take()); // nobody else claims it
            work(piece.expect("a piece for each part"));
        });
    }

    /// Lets members do what is to be done beside.
    fn offer_beside(&self) {
        self.beside.set(Beside::Offered);
        self.shared.beside.offer(0..1);
        self.wake();
    }

    /// Those that sleep.
    fn wake(&self) {
        for (asleep, member) in self.shared.asleep.iter().zip(&self.members) {
            if asleep.load(Ordering::SeqCst) && asleep.swap(false, Ordering::SeqCst) {
                self.shared.core_of_leader.store(cores::here().unwrap_or(usize::MAX), Ordering::Relaxed);
                member.unpark();
            }
        }
    }
}

impl Shared {
    /// The life of a member.
    fn serve(&self, member: usize) {
        let mut looks = 0;
        while !self.ending.load(Ordering::Relaxed) {
            let found = self.parts.help(1 + member) || self.beside.help(1 + member);
            looks = if found { 0 } else { looks + 1 };
            if looks < LOOKS_TO_SLEEP {
                let is_time = looks % LOOKS_TO_YIELD == LOOKS_TO_YIELD - 1; // no test can see it: it changes times only
                let is_wanted = is_time && offer_core();
                if !is_wanted || self.leave_core_of_leader() {
                    std::hint::spin_loop();
                    continue;
                }
            }
            self.asleep[member].store(true, Ordering::SeqCst);
            // What was offered before this is seen here; whoever offers something later sees this, and wakes. (Hence SeqCst.)
            let is_nothing_left = self.parts.is_nothing_left() && self.beside.is_nothing_left();
            if is_nothing_left && !self.ending.load(Ordering::SeqCst) {
                thread::park();
                self.leave_core_of_leader();
            }
            self.asleep[member].store(false, Ordering::SeqCst);
            looks = 0;
        }
    }

    /// Whether this member was there, and is no longer. (No test can see that it is asked: it changes times only.)
    fn leave_core_of_leader(&self) -> bool {
        cores::leave(self.core_of_leader.load(Ordering::Relaxed))
    }
}

/// Offers this thread's core to others: whether somebody took it.
fn offer_core() -> bool {
    let before = Instant::now();
    thread::yield_now();
    before.elapsed() >= LONG_YIELD
}

/// Where members find the parts of a job.
///
/// One word says all: which parts are left, in its lower bits, and above them which of them members are doing. To claim a part is to change the word. It has
/// a cache line of its own, and one more, since processors fetch lines in pairs.
#[repr(align(128))]
#[derive(Default)]
struct Gate {
    word: AtomicU64,
    job: UnsafeCell<Option<&'static (dyn Fn(usize) + Sync)>>,
    panicked: AtomicBool,
}

/// A bit for each part that is left.
const LEFT: u64 = (1 << MOST_PARTS) - 1;

/// The bit for a part that a member is doing is so far above that of the same part that is left.
const DOING: usize = MOST_PARTS;

// SAFETY: `job` is written by the leader, of which a team has one at a time, while no part is left and no member does one, and read by
// members that do.
#[expect(unsafe_code, reason = "a job is handed over without a lock")]
unsafe impl Sync for Gate {}

/// A job behind a gate; when it is dropped, no part of it is left, and no member does one.
struct Job<'a>(&'a Gate);

impl Gate {
    /// Puts `job` behind the gate until what is returned is dropped. Only the leader does so, one job at a time.
    #[expect(unsafe_code, reason = "members outlive every job")]
    fn prepare<'a>(&'a self, job: &'a (dyn Fn(usize) + Sync)) -> Job<'a> {
        assert_eq!(self.word.load(Ordering::Relaxed), 0, "a gate has one job at a time");
        // SAFETY: only members that do a part call it, and `Job`, which lives no longer than `job`, waits for them.
        let job = unsafe { std::mem::transmute::<&'a (dyn Fn(usize) + Sync), &'static (dyn Fn(usize) + Sync)>(job) };
        // SAFETY: no part is left and no member does one, so nobody reads it.
        unsafe { *self.job.get() = Some(job) };
        Job(self)
    }

    /// Lets members claim these parts of the job that was prepared; once for each job.
    fn offer(&self, parts: Range<usize>) {
        let left = parts.fold(0, |left, part| left | 1 << part);
        self.word.store(left, Ordering::SeqCst); // it makes the job known, too
    }

    fn is_nothing_left(&self) -> bool {
        self.word.load(Ordering::SeqCst) & LEFT == 0
    }

    /// Does parts of the job while some are left, from the `own` on: each thread nearly always gets the same one, which it has in its cache.
    /// Returns whether there was any.
    #[expect(unsafe_code, reason = "reads the job")]
    fn help(&self, own: usize) -> bool {
        let mut has_helped = false;
        loop {
            let word = self.word.load(Ordering::Relaxed);
            let (left, from_own) = (word & LEFT, word & LEFT & (u64::MAX << own));
            if left == 0 {
                return has_helped;
            }
            let part = if from_own > 0 { from_own } else { left }.trailing_zeros() as usize;
            let doing = 1 << (part + DOING);
            let claimed = word & !(1 << part) | doing;
            if self.word.compare_exchange(word, claimed, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                // SAFETY: this member does a part, and the job is written only while nobody does.
                let job = unsafe { *self.job.get() }.expect("what has parts is a job");
                if catch_unwind(AssertUnwindSafe(|| job(part))).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
                self.word.fetch_and(!doing, Ordering::Release);
                has_helped = true;
            }
        }
    }
}

impl Job<'_> {
    /// A part that is left, which the leader does: then nobody else will. (Relaxed: what there is to know of it the leader wrote.)
    fn claim(&self) -> Option<usize> {
        loop {
            let left = self.0.word.load(Ordering::Relaxed) & LEFT;
            let part = (left > 0).then(|| left.trailing_zeros() as usize)?;
            if self.0.word.fetch_and(!(1 << part), Ordering::Relaxed) & (1 << part) > 0 {
                return Some(part);
            }
        }
    }

    /// Waits for members that do a part; for some 10 µs by looking, then by leaving the core to others: a member may be waiting for it. Returns how long
    /// that was, if it came to that.
    fn wait(&self) -> Option<Duration> {
        let (mut looks, mut left_core) = (0, None);
        while self.0.word.load(Ordering::Acquire) & !LEFT != 0 {
            looks += 1;
            if looks < 500 {
                std::hint::spin_loop();
            } else {
                left_core.get_or_insert_with(Instant::now);
                thread::yield_now();
            }
        }
        left_core.map(|since| since.elapsed())
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        while self.claim().is_some() {} // parts that the leader did not come to, since it panicked
        self.wait();
        if self.0.panicked.swap(false, Ordering::Relaxed) && !thread::panicking() {
            panic!("work that was shared panicked in another thread");
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate").field("word", &self.word).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
