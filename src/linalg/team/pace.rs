//! Whether to share, just now: on a busy machine the members of a team may cost more than they help.
//!
//! Whether a member has no core, or shares one with the leader, the leader cannot see. So the leader keeps an account of what it
//! gains: it knows how long it takes alone, and credits itself with the difference. When it has lost all that it had gained, and a millisecond, it works
//! alone for 4 ms; then it tries again. Each time that fails it works alone four times as long, up to 0.4 s or 30 times the loss: what a busy machine costs stays
//! below 5 % on the machines that the tests here simulate, and a core that is away for some milliseconds now and then, or when a training starts, does not end what pays.

use std::mem;
use std::time::{Duration, Instant};

/// Jobs between two looks at the clock.
const JOBS: u32 = 16;

/// A measurement takes at least so long.
const WINDOW: Duration = Duration::from_micros(300);

/// Shared jobs, [`JOBS`] at most of each measurement, after which two measurements of the leader alone are due, the first of which does not
/// count: its pace may have changed.
const SHARED_JOBS: u32 = 200 * JOBS;

/// The most that is credited, in seconds: a machine that becomes busy is noticed after that much.
const CREDIT: f64 = 50e-3;

/// The loss, in seconds, at which sharing is given up.
const LOSS: f64 = 1e-3;

/// Seconds that the leader then works alone, the first time.
const FIRST_REST: f64 = 4e-3;

/// How many times as long it works alone after each time that sharing failed again.
const LONGER: f64 = 4.0;

/// Seconds that it works alone at most, after a small loss.
const MOST_REST: f64 = 0.4;

/// How many times as long as it lost it works alone at most, after a larger one.
const REST: f64 = 30.0;

/// Seconds gained, with what failures lost taken off, after which the next rest is [`FIRST_REST`] again.
const SUCCESS: f64 = 10e-3;

/// Seconds lost in all failures together that are remembered at most.
const MEMORY: f64 = 1.0;

/// The account.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The jobs of this measurement are shared.
    shares: bool,
    /// The next measurement is the first since the leader works alone: it fetches what members have in their caches.
    is_cold: bool,
    /// Jobs of this measurement, and when it began.
    jobs: u32,
    /// The clock is looked at before the next job.
    looks_soon: bool,
    began: Instant,
    /// Seconds that a job took the leader alone: the last three measurements.
    alone: [f64; 3],
    /// Seconds gained since the last failure, at most [`CREDIT`].
    gained: f64,
    /// The same, what failures lost included.
    balance: f64,
    /// Jobs shared since the leader was last measured alone, [`JOBS`] at most of each measurement.
    shared_jobs: u32,
    /// Seconds that the leader still works alone.
    rest: f64,
    /// Seconds that it works alone after the next loss; less if that is a small one.
    next_rest: f64,
}

impl Pace {
    /// Knows nothing yet; the first jobs are the leader's.
    pub fn new(now: Instant) -> Self {
        Self {
            shares: false,
            is_cold: true,
            jobs: 0,
            looks_soon: false,
            began: now,
            alone: [0.0; 3],
            gained: 0.0,
            balance: 0.0,
            shared_jobs: 0,
            rest: 0.0,
            next_rest: FIRST_REST,
        }
    }

    /// Shares from the first job on: alone, it believes, one takes 1,000 s.
    #[cfg(test)]
    pub fn that_shares(now: Instant) -> Self {
        Self { shares: true, alone: [1e3; 3], ..Self::new(now) }
    }

    /// Jobs go on at `now`, after something else.
    pub fn go_on(&mut self, now: Instant) {
        (self.jobs, self.began) = (0, now);
    }

    /// The leader waited so long for members in the job at hand. A wait longer than jobs take alone on average is for one that has lost
    /// its core: the clock is looked at before the next job, for sixteen such jobs may take a tenth of a second. Shorter waits may be those
    /// of unequal parts.
    pub fn waited(&mut self, time: Duration) {
        self.looks_soon = self.looks_soon || time.as_secs_f64() > self.job_alone();
    }

    /// Whether the next job is shared.
    #[inline]
    pub fn next_is_shared(&mut self, clock: impl FnOnce() -> Instant) -> bool {
        if (self.jobs.is_multiple_of(JOBS) || self.looks_soon) && self.jobs > 0 {
            self.looks_soon = false;
            self.look(clock());
        }
        self.jobs += 1;
        self.shares
    }

    /// Whether the job at hand is.
    pub fn is_shared(&self) -> bool {
        self.shares
    }

    /// Seconds that a job takes the leader alone: the middle one of three measurements, since one in which it lost its core says nothing
    /// of its pace.
    fn job_alone(&self) -> f64 {
        let [a, b, c] = self.alone;
        a.max(b).min(a.min(b).max(c))
    }

    #[cold]
    fn look(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.began);
        if time < WINDOW {
            return;
        }
        let counted = self.jobs.min(JOBS);
        let (time, jobs) = (time.as_secs_f64(), f64::from(self.jobs));
        self.go_on(now);
        if !self.shares {
            self.rest -= time;
            if mem::take(&mut self.is_cold) {
                return;
            }
            let known = self.alone[0] > 0.0;
            self.alone = if known { [self.alone[1], self.alone[2], time / jobs] } else { [time / jobs; 3] };
            self.shares = self.rest <= 0.0;
            self.shared_jobs = 0;
            return;
        }
        let gained = self.job_alone() * jobs - time;
        self.gained = (self.gained + gained).min(CREDIT);
        self.balance = (self.balance + gained).clamp(-MEMORY, CREDIT);
        self.shared_jobs += counted;
        if self.gained < -LOSS {
            let most = MOST_REST.max(-REST * self.gained);
            self.rest = self.next_rest.min(most);
            self.next_rest = LONGER * self.rest;
            self.gained = 0.0;
        } else if self.balance > SUCCESS {
            self.next_rest = FIRST_REST;
        }
        self.shares = self.rest <= 0.0 && self.shared_jobs < SHARED_JOBS;
        self.is_cold = !self.shares;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine on which a job takes the leader 5 µs alone, and otherwise what `shared` says of the job's number; if that is over 1 ms
    /// it is a wait. Returns seconds that `jobs` took, and how many were shared.
    fn run(jobs: u64, shared: impl Fn(u64) -> f64) -> (f64, u64) {
        run_on(jobs, |_, _| 5e-6, |job| (shared(job), if shared(job) > 1e-3 { shared(job) } else { 0.0 }))
    }

    /// The same, where `alone` says how long a job takes the leader, by its number and the time, and `shared` also how much is a wait.
    fn run_on(jobs: u64, alone: impl Fn(u64, f64) -> f64, shared: impl Fn(u64) -> (f64, f64)) -> (f64, u64) {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let (mut seconds, mut count) = (0.0, 0);
        for job in 0..jobs {
            if pace.next_is_shared(|| start + Duration::from_secs_f64(seconds)) {
                let (time, wait) = shared(job);
                seconds += time;
                pace.waited(Duration::from_secs_f64(wait));
                count += 1;
            } else {
                seconds += alone(job, seconds);
            }
        }
        (seconds, count)
    }

    #[test]
    fn a_team_that_helps_is_used_for_nearly_all_jobs() {
        let (_, shared) = run(1_000_000, |_| 3e-6);
        assert!(shared > 970_000, "{shared}");
    }

    #[test]
    fn a_team_that_hinders_costs_less_than_four_percent() {
        for shared in [5.5e-6, 10e-6, 100e-6, 400e-6, 8e-3] {
            let (seconds, _) = run(1_000_000, |_| shared);
            assert!(seconds < 1.04 * 5.0, "{shared}: {seconds} s for what takes 5 s alone");
        }
    }

    #[test]
    fn members_that_are_often_away_for_milliseconds_cost_less_than_five_percent() {
        // 1,000 jobs well, then one that waits 4 ms for a member: 7 µs on average.
        let (seconds, _) = run(1_000_000, |job| if job % 1_000 == 999 { 4e-3 } else { 3e-6 });
        assert!(seconds < 1.05 * 5.0, "{seconds} s for what takes 5 s alone");
    }

    #[test]
    fn members_that_are_sometimes_away_for_long_cost_less_than_five_percent() {
        // 6,000 jobs that gain 12 ms, then one that loses 20 or 40.
        for away in [20e-3, 40e-3] {
            let (seconds, _) = run(4_000_000, |job| if job % 6_000 == 5_999 { away } else { 3e-6 });
            assert!(seconds < 1.05 * 20.0, "{away}: {seconds} s for what takes 20 s alone");
        }
    }

    #[test]
    fn members_that_are_sometimes_away_are_used_where_they_help_more() {
        let (seconds, shared) = run(1_000_000, |job| if job % 5_000 == 4_999 { 6e-3 } else { 3e-6 });
        assert!(shared > 950_000 && seconds < 4.4, "{shared} shared, {seconds} s");
    }

    #[test]
    fn a_member_that_comes_late_once_is_soon_asked_again() {
        let (seconds, shared) = run(100_000, |job| if job == 200 { 5e-3 } else { 3e-6 });
        assert!(shared > 90_000 && seconds < 0.32, "{shared} shared, {seconds} s");
    }

    /// A job takes 5 µs alone and 6 shared, but 9 in the first half millisecond alone: what members have learnt is in their caches.
    #[test]
    fn the_leaders_pace_is_not_that_of_its_first_jobs_alone() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        let (mut seconds, mut shared, mut in_a_row) = (0.0, 0, 0);
        for _ in 0..1_000_000 {
            let is_shared = pace.next_is_shared(|| start + Duration::from_secs_f64(seconds));
            in_a_row = if is_shared { 0 } else { in_a_row + 1 };
            shared += u64::from(is_shared);
            seconds += if is_shared { 6e-6 } else { if in_a_row < 56 { 9e-6 } else { 5e-6 } };
        }
        assert!(shared < 50_000 && seconds < 1.04 * 5.0, "{shared} shared, {seconds} s");
    }

    /// Jobs of 12, 6 and 0.2 ms alone, half as long shared, of which 20 to 200 µs are waits: parts of such lengths are never quite equal.
    #[test]
    fn a_team_that_helps_with_long_jobs_of_several_lengths_is_used_for_nearly_all() {
        let alone = |job| [12e-3, 12e-3, 6e-3, 0.2e-3, 0.2e-3][job as usize % 5];
        let wait = |job| [200e-6, 20e-6, 100e-6, 30e-6, 20e-6][job as usize % 5];
        let (_, shared) = run_on(10_000, |job, _| alone(job), |job| (alone(job) / 2.0, wait(job)));
        assert!(shared > 9_850, "{shared}");
    }

    /// A job takes 2 ms alone at first, then 1; shared 1.1, and every twelfth 4, most of which is a wait.
    #[test]
    fn the_leaders_pace_is_measured_again_where_waits_end_most_measurements_early() {
        let alone = |_, seconds| if seconds < 0.1 { 2e-3 } else { 1e-3 };
        let (seconds, _) = run_on(100_000, alone, |job| if job % 12 == 11 { (4e-3, 3e-3) } else { (1.1e-3, 20e-6) });
        assert!(seconds < 1.05 * 100.0, "{seconds} s for what takes 100 s alone");
    }

    #[test]
    fn a_machine_that_becomes_quiet_is_noticed() {
        let (seconds, shared) = run(2_000_000, |job| if job < 1_000_000 { 50e-6 } else { 3e-6 });
        assert!(shared > 900_000 && seconds < 5.2 + 3.3, "{shared} shared, {seconds} s");
    }
}
