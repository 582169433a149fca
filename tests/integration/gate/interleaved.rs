//! Both sides meet the same server at the same time: their requests come by turns, pair by pair, so that latency compares
//! like with like.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Team, good, prompts};

/// The pairs that are under way at once.
const BATCH: u64 = 16;

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_both_sides_come_by_turns() {
    const PAIRS: usize = 120;
    for concurrency in [1, 8] {
        let team = Team::new(&good()).await;
        let mut policy = team.policy();
        policy["sample"] = json!({"max": 300, "batch": BATCH, "seed": 7, "stop": "end"});
        policy["providers"]["studio"]["concurrency"] = json!(concurrency);
        team.change(&policy, &prompts(PAIRS));
        team.gate().run().await.ends(0);

        let log = team.log();
        assert_eq!(log.len(), 2 * PAIRS);
        // However far the run has come, neither side is ahead by more than what is under way.
        let mut ahead = 0_i64;
        let mut turns = BTreeMap::<(&str, u64), Vec<u64>>::new();
        for (turn, entry) in (0..).zip(&log) {
            ahead += if entry.model == "old" { 1 } else { -1 };
            assert!(ahead.unsigned_abs() <= BATCH, "{concurrency}: {ahead} at request {turn}");
            turns.entry((&entry.prompt, entry.seed)).or_default().push(turn);
        }
        assert_eq!(turns.len(), PAIRS, "both sides of a pair are sent the same");
        for (pair, turns) in &turns {
            let [first, second] = turns.as_slice() else { panic!("{pair:?}: {turns:?}") };
            assert!(second - first <= 2 * BATCH, "{concurrency}: {pair:?}: {turns:?}");
        }
        // By turns, and not one batch of a side after another of the other: else it would change every sixteen requests.
        let changes = log.windows(2).filter(|two| two[0].model != two[1].model).count();
        assert!(changes >= PAIRS / 2, "{concurrency}: the sides change {changes} times only");
    }
}
