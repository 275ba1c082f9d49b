//! When tokens were last used, as far as this node knows.
//!
//! A token is good for a time from when it was made, or last used. Drivers like JDBC never take a new one,
//! so use has to be remembered. Each node remembers what it has seen; the node that made a token (its home)
//! is told by the others now and then, and asked where one brings a token that has not been there for long.

use std::collections::HashMap;

use parking_lot::Mutex;

/// Most tokens remembered. Of more, those that were used least lately are forgotten: they are good for as
/// long as they say themselves.
const MOST: usize = 100_000;

#[derive(Debug, Clone, Copy)]
struct Use {
    /// In seconds since 1970, as all here.
    last: u64,
    /// When the home was last told.
    told: u64,
    /// Until when it is of interest.
    until: u64,
}

/// The uses of tokens, by the name of their session.
#[derive(Debug, Default)]
pub struct Uses(Mutex<HashMap<String, Use>>);

impl Uses {
    /// When a session's token was last used here.
    pub fn last(&self, session: &str) -> Option<u64> {
        self.0.lock().get(session).map(|it| it.last)
    }

    /// Notes a use at `now` of a token made at `made` that is good for `lifetime` seconds; whether its home
    /// should hear of it: once in an eighth of that time.
    pub fn note(&self, session: &str, made: u64, lifetime: u64, now: u64) -> bool {
        let mut uses = self.0.lock();
        let until = now + lifetime;
        if !uses.contains_key(session) {
            make_room(&mut uses, now);
            uses.insert(session.to_owned(), Use { last: now, told: made, until });
        }
        let Some(known) = uses.get_mut(session) else { return false };
        (known.last, known.until) = (known.last.max(now), until);
        let due = now.saturating_sub(known.told.max(made)) > lifetime / 8;
        if due {
            known.told = now;
        }
        due
    }
}

fn make_room(uses: &mut HashMap<String, Use>, now: u64) {
    if uses.len() < MOST {
        return;
    }
    uses.retain(|_, it| it.until > now);
    if uses.len() < MOST {
        return;
    }
    // A tenth at a time: sorting is not for every call.
    let mut lasts: Vec<u64> = uses.values().map(|it| it.last).collect();
    let (_, limit, _) = lasts.select_nth_unstable(MOST / 10);
    let limit = *limit;
    uses.retain(|_, it| it.last > limit);
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    #[test]
    fn the_last_use_is_known() {
        let uses = Uses::default();
        assert_eq!(uses.last("s"), None);
        uses.note("s", 0, DAY, 10);
        uses.note("s", 0, DAY, 20);
        assert_eq!(uses.last("s"), Some(20));
    }

    #[test]
    fn a_home_hears_of_it_now_and_then() {
        let uses = Uses::default();
        let told: Vec<_> =
            (0..DAY).step_by(60).filter(|now| uses.note("s", 0, DAY, *now)).collect();
        assert_eq!(told.len(), 7, "{told:?}");
    }

    #[test]
    fn there_is_a_limit_and_the_latest_stay() {
        let uses = Uses::default();
        for number in 0..=MOST as u64 {
            uses.note(&number.to_string(), 0, 2 * MOST as u64, number);
        }
        assert!(uses.0.lock().len() <= MOST);
        assert_eq!(uses.last("0"), None);
        assert_eq!(uses.last(&MOST.to_string()), Some(MOST as u64));
    }
}
