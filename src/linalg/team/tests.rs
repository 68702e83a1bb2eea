use super::*;
use std::sync::atomic::AtomicUsize;

#[test]
fn every_part_is_done_once_whatever_the_number_of_threads() {
    for threads in [1, 2, 3, 8] {
        let team = Team::new(threads).unwrap();
        for round in 0..2_000 {
            let parts = round % (MOST_PARTS + 1);
            let done: [AtomicUsize; MOST_PARTS] = Default::default();
            team.lead(|| share(parts, |part| assert_eq!(done[part].fetch_add(1, Ordering::Relaxed), 0)));
            let done = done.map(AtomicUsize::into_inner);
            assert!((0..MOST_PARTS).all(|part| done[part] == usize::from(part < parts)), "{threads}: {done:?}");
        }
    }
}

#[test]
fn pieces_are_changed_in_place_and_seen_by_the_leader() {
    let team = Team::new(2).unwrap();
    let mut values = [0_u64; 64];
    team.lead(|| {
        for _ in 0..10_000 {
            for_each(values.chunks_mut(16), |chunk| chunk.iter_mut().for_each(|value| *value += 1));
        }
    });
    assert_eq!(values, [10_000; 64]);
}

#[test]
fn what_is_done_beside_is_done_once_and_before_the_end() {
    for threads in [1, 2, 3] {
        let team = Team::new(threads).unwrap();
        team.lead(|| {
            for round in 0..5_000 {
                let (mut other, parts) = (0, AtomicUsize::new(0));
                let own = beside(
                    || other = round,
                    || {
                        share(4, |part| {
                            parts.fetch_add(part, Ordering::Relaxed);
                        });
                        round + 1
                    },
                );
                assert_eq!((own, other, parts.into_inner()), (round + 1, round, 6), "{threads} threads");
            }
        });
    }
}

#[test]
fn work_that_shares_again_and_threads_that_lead_nobody_work_alone() {
    let team = Team::new(2).unwrap();
    let done = AtomicUsize::new(0);
    let count = |_| {
        done.fetch_add(1, Ordering::Relaxed);
    };
    team.lead(|| share(2, |_| share(3, count)));
    assert_eq!(size(), 1);
    share(4, count);
    assert_eq!(done.into_inner(), 2 * 3 + 4);
}

#[test]
fn a_panic_of_a_member_reaches_the_leader_and_the_team_goes_on() {
    let team = Team::new(2).unwrap();
    for bad in [0, 1] {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.lead(|| share(2, |part| assert_ne!(part, bad, "meant to happen")));
        }));
        assert!(outcome.is_err());
    }
    let done = AtomicUsize::new(0);
    team.lead(|| {
        share(2, |_| {
            done.fetch_add(1, Ordering::Relaxed);
        });
    });
    assert_eq!(done.into_inner(), 2);
}

#[test]
fn what_was_to_be_done_beside_work_that_panicked_is_not_done_later() {
    let team = Team::new(2).unwrap();
    team.lead(|| {
        share_until_shared(|_| {});
        let outcome = catch_unwind(AssertUnwindSafe(|| beside(|| panic!("too late"), || panic!("meant to happen"))));
        assert!(outcome.is_err());
        (0..1_000).for_each(|_| share(2, |_| {}));
    });
}

/// Until the account lets it share: the first jobs are the leader's. The last one is shared for certain: an account that goes on does not
/// look at the clock before its first job, and so does not change its mind.
fn share_until_shared(work: impl Fn(usize) + Sync) {
    let leader = Leader::free().expect("a leader");
    while !leader.pace.borrow().is_shared() {
        share(2, |_| thread::sleep(std::time::Duration::from_micros(50)));
    }
    leader.pace.borrow_mut().go_on(Instant::now());
    share(2, work);
}

/// The member is asleep after a pause, and awake for the next part.
#[test]
fn a_member_that_went_to_sleep_wakes_for_the_next_part() {
    let team = Team::new(2).unwrap();
    for _ in 0..5 {
        while !team.shared.asleep[0].load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let members = Mutex::new(Vec::new());
        // A part that waits for the other one shows that two threads are in it.
        let both = std::sync::Barrier::new(2);
        team.lead(|| {
            share_until_shared(|_| {
                both.wait();
                members.lock().unwrap().push(thread::current().id());
            });
        });
        let members = members.into_inner().unwrap();
        assert_ne!(members[0], members[1]);
    }
}
