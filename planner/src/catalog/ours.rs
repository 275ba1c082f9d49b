//! Objects that are made once and tell whose they are: whether one was made is found out where the store's answer does
//! not tell.
//!
//! ```text
//!   create ─┬─ made ────────────────────────────────► ours
//!           ├─ there is one ──► whose? ─────────────► ours, or another's
//!           ├─ refused, and none before may have made it ► not made
//!           └─ no answer ─► again: it makes it then, or has made it ─► … ─► not known
//! ```

use std::time::Duration;

use async_trait::async_trait;
use rand::Rng;
use tokio::time::sleep;

use super::error::CatalogError;
use super::location::Scheme;

/// How often a store is asked that does not answer.
const MOST_ASKED: u32 = 6;

/// Longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// An object to be made, which has an id of its own in it.
#[async_trait]
pub(crate) trait Ours: Sync {
    /// The kind of its store.
    fn scheme(&self) -> Scheme;

    /// Makes it; false where there is one.
    async fn create(&self) -> Result<bool, CatalogError>;

    /// Whether the one that is there is this one; `None` where there is none.
    async fn is_ours(&self) -> Result<Option<bool>, CatalogError>;
}

/// Why an object is not known to be made.
#[derive(Debug)]
pub(crate) enum Unmade {
    /// It was not, nor will be.
    Not(CatalogError),
    /// The store has not told.
    Unknown(CatalogError),
}

/// Makes an object; false where it is another's.
///
/// # Errors
/// When the store does not make it, or does not say.
pub(crate) async fn make(object: &impl Ours) -> Result<bool, Unmade> {
    let (mut asked, mut may_be_there) = (0, false);
    loop {
        let failed = match once(object).await {
            Ok(ours) => return Ok(ours),
            Err(failed) => failed,
        };
        asked += 1;
        may_be_there |= matches!(failed, Unmade::Unknown(_));
        let (Unmade::Not(error) | Unmade::Unknown(error)) = failed;
        match may_be_there {
            false if asked >= MOST_ASKED || is_refused(&error) => return Err(Unmade::Not(error)),
            true if asked >= MOST_ASKED => return Err(Unmade::Unknown(error)),
            _ => {}
        }
        tracing::warn!(%error, "an object is sent to its store again");
        pause(asked).await;
    }
}

async fn once(object: &impl Ours) -> Result<bool, Unmade> {
    match object.create().await {
        Ok(true) => Ok(true),
        // One that was asked twice by its own client says that it is there already.
        Ok(false) => match object.is_ours().await {
            Ok(Some(ours)) => Ok(ours),
            Ok(None) => Err(Unmade::Unknown(CatalogError::Unavailable {
                path: "the store".into(),
                reason: "it says that an object is there, and has none".into(),
            })),
            Err(error) => Err(Unmade::Unknown(error)),
        },
        // Nothing is on its way to a folder of this machine.
        Err(error) if object.scheme() == Scheme::Local => match object.is_ours().await {
            Ok(Some(ours)) => Ok(ours),
            Ok(None) => Err(Unmade::Not(error)),
            Err(_) => Err(Unmade::Unknown(error)),
        },
        Err(error) if is_refused(&error) => Err(Unmade::Not(error)),
        Err(error) => Err(Unmade::Unknown(error)),
    }
}

/// Asked again it would say the same.
fn is_refused(error: &CatalogError) -> bool {
    matches!(
        error,
        CatalogError::AccessDenied { .. }
            | CatalogError::NotFound { .. }
            | CatalogError::Full { .. }
    )
}

/// Longer after each try, and not as long as others wait.
pub(crate) async fn pause(attempt: u32) {
    let most = Duration::from_millis(10 << attempt.min(10)).min(LONGEST_PAUSE);
    let pause = rand::rng().random_range(0..=most.as_millis() as u64);
    sleep(Duration::from_millis(pause)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Answers in this order, over and over.
    struct Store {
        scheme: Scheme,
        answers: Vec<Result<bool, CatalogError>>,
        there: Result<Option<bool>, CatalogError>,
        asked: AtomicUsize,
    }

    fn same(answer: &Result<bool, CatalogError>) -> Result<bool, CatalogError> {
        match answer {
            Ok(made) => Ok(*made),
            Err(CatalogError::AccessDenied { .. }) => Err(denied()),
            Err(CatalogError::Full { .. }) => Err(full()),
            Err(_) => Err(silent()),
        }
    }

    #[async_trait]
    impl Ours for Store {
        fn scheme(&self) -> Scheme {
            self.scheme
        }

        async fn create(&self) -> Result<bool, CatalogError> {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            same(&self.answers[asked % self.answers.len()])
        }

        async fn is_ours(&self) -> Result<Option<bool>, CatalogError> {
            match &self.there {
                Ok(there) => Ok(*there),
                Err(_) => Err(silent()),
            }
        }
    }

    fn silent() -> CatalogError {
        CatalogError::Unavailable { path: "p".into(), reason: "silent".into() }
    }

    fn denied() -> CatalogError {
        CatalogError::AccessDenied { path: "p".into(), reason: "denied".into() }
    }

    fn full() -> CatalogError {
        CatalogError::Full { path: "p".into(), reason: "full".into() }
    }

    async fn made(
        scheme: Scheme,
        answers: Vec<Result<bool, CatalogError>>,
        there: Result<Option<bool>, CatalogError>,
    ) -> (Result<bool, Unmade>, usize) {
        let store = Store { scheme, answers, there, asked: AtomicUsize::default() };
        let made = make(&store).await;
        (made, store.asked.into_inner())
    }

    #[tokio::test]
    async fn what_was_made_without_an_answer_is_ours() {
        let (made, asked) = made(Scheme::S3, vec![Err(silent()), Ok(false)], Ok(Some(true))).await;
        assert_eq!((made.unwrap(), asked), (true, 2));
    }

    #[tokio::test]
    async fn what_another_was_first_to_make_is_not_ours() {
        let (made, asked) = made(Scheme::S3, vec![Ok(false)], Ok(Some(false))).await;
        assert_eq!((made.unwrap(), asked), (false, 1));
    }

    /// A store may say so of a request that it has under way.
    #[tokio::test]
    async fn what_is_said_to_be_there_and_is_not_is_made_again() {
        let (made, asked) = made(Scheme::S3, vec![Ok(false), Ok(true)], Ok(None)).await;
        assert_eq!((made.unwrap(), asked), (true, 2));
    }

    #[tokio::test]
    async fn a_store_that_never_answers_leaves_it_unknown() {
        let (made, asked) = made(Scheme::S3, vec![Err(silent())], Err(silent())).await;
        assert!(matches!(made, Err(Unmade::Unknown(_))), "{made:?}");
        assert_eq!(asked as u32, MOST_ASKED);
    }

    #[tokio::test]
    async fn what_is_refused_is_not_made_and_not_asked_for_again() {
        for error in [denied, full] {
            let (made, asked) = made(Scheme::S3, vec![Err(error())], Err(silent())).await;
            assert!(matches!(made, Err(Unmade::Not(_))), "{made:?}");
            assert_eq!(asked, 1);
        }
    }

    #[tokio::test]
    async fn what_is_refused_after_a_silence_may_have_been_made() {
        let answers = vec![Err(silent()), Err(denied())];
        let (made, _) = made(Scheme::S3, answers, Err(silent())).await;
        assert!(matches!(made, Err(Unmade::Unknown(_))), "{made:?}");
    }

    #[tokio::test]
    async fn what_is_not_in_a_local_folder_was_not_made() {
        let (made, _) = made(Scheme::Local, vec![Err(silent())], Ok(None)).await;
        assert!(matches!(made, Err(Unmade::Not(_))), "{made:?}");
        let (made, _) = self::made(Scheme::Local, vec![Err(silent())], Ok(Some(true))).await;
        assert!(made.unwrap(), "its folder could not be synced, and it is there");
    }
}
