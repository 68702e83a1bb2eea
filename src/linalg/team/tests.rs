use super::*;
use std::sync::atomic::AtomicUsize;

#[test]
fn every_part_is_done_once_whatever_the_number_of_threads() {
    for threads in [1, 2, 3, 8] {
        let team = Team::that_shares(threads);
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
    let team = Team::that_shares(2);
    let mut values = [0_u64; 64];
    let mut counts = [0; MOST_PARTS + 1];
    let mut count_up = || {
        for _ in 0..5_000 {
            let mut rest = &mut values[..];
            let piece = |_, of: usize| {
                counts[of] += 1;
                rest.split_off_mut(..64 / of).expect("enough of them")
            };
            for_each(4, 1, piece, |chunk| chunk.iter_mut().for_each(|value| *value += 1));
        }
    };
    count_up();
    team.lead(count_up);
    assert_eq!(values, [10_000; 64]);
    assert!(counts[1] >= 5_000 && counts[4] > 0, "alone in one piece, together in four: {counts:?}");
}

#[test]
fn what_is_done_beside_is_done_once_and_before_the_end() {
    for threads in [1, 2, 3] {
        let team = Team::that_shares(threads);
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
    let team = Team::that_shares(2);
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
    let team = Team::that_shares(2);
    let leader = thread::current().id();
    for (is_leaders, message) in [(true, "meant to happen"), (false, "work that was shared panicked in another thread")]
    {
        // A part that waits for the other one is not done by the same thread.
        let both = std::sync::Barrier::new(2);
        let work = |_| {
            both.wait();
            assert!((thread::current().id() == leader) != is_leaders, "meant to happen");
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| team.lead(|| share(2, work))));
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&message));
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
    let team = Team::that_shares(2);
    team.lead(|| {
        let outcome = catch_unwind(AssertUnwindSafe(|| beside(|| panic!("too late"), || panic!("meant to happen"))));
        assert!(outcome.is_err());
        (0..1_000).for_each(|_| share(2, |_| {}));
    });
}

/// What a leader that panicked left is gone with it: nobody does a part of it later.
#[test]
fn parts_that_were_left_when_the_leader_panicked_are_not_done_later() {
    let team = Team::that_shares(2);
    let done = AtomicUsize::new(0);
    for is_beside in [false, true].repeat(20) {
        let count = || {
            done.fetch_add(1, Ordering::Relaxed);
            thread::sleep(Duration::from_micros(20));
        };
        let panic_at_once = |part| if part == 0 { panic!("meant to happen") } else { count() };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            team.lead(|| {
                beside(|| (), || share(2, |_| ())); // one job is shared: what is beside the next is offered at once
                if is_beside { beside(count, || panic_at_once(0)) } else { share(MOST_PARTS, panic_at_once) }
            });
        }));
        assert_eq!(outcome.unwrap_err().downcast_ref(), Some(&"meant to happen"));
        let so_far = done.load(Ordering::Relaxed);
        thread::sleep(Duration::from_millis(1));
        assert_eq!(done.load(Ordering::Relaxed), so_far);
    }
}

/// The member is asleep after a pause, and awake for the next part.
#[test]
fn a_member_that_went_to_sleep_wakes_for_the_next_part() {
    let team = Team::that_shares(2);
    for _ in 0..5 {
        while !team.shared.asleep[0].load(Ordering::SeqCst) {
            thread::yield_now();
        }
        let members = Mutex::new(Vec::new());
        // A part that waits for the other one shows that two threads are in it.
        let both = std::sync::Barrier::new(2);
        team.lead(|| {
            share(2, |_| {
                both.wait();
                members.lock().unwrap().push(thread::current().id());
            });
        });
        let members = members.into_inner().unwrap();
        assert_ne!(members[0], members[1]);
    }
}

#[test]
#[should_panic(expected = "a team has one leader at a time")]
fn a_team_that_is_led_is_led_by_nobody_else() {
    let team = Team::new(2).unwrap();
    team.lead(|| team.lead(|| ()));
}

#[test]
fn a_team_has_no_more_threads_than_work_has_parts() {
    let team = Team::new(1_000).unwrap();
    assert_eq!(team.members.len(), MOST_PARTS - 1);
}
