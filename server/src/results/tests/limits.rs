//! How long results are kept, and how many.

use super::*;

const SMALL: usize = 4096 + 12;

fn places(results: usize) -> Fixture {
    let limits = StoreLimits { overhead: results * SMALL, readers_each: 2, readers: 3 };
    Fixture::limited(1 << 20, 1 << 20, limits)
}

#[tokio::test]
async fn a_result_goes_when_its_time_is_over() {
    let fixture = Fixture::new();
    fixture.committed(&[(0, 1)]).await;
    assert_eq!(fixture.store.remove_expired(after(KEEP / 2)), 0);
    assert_eq!(fixture.store.remove_expired(after(KEEP)), 1);
    assert_eq!(fixture.memory(), 0);
}

#[tokio::test]
async fn a_result_that_went_between_finding_and_reading_is_not_read() {
    let fixture = Fixture::new();
    let query = fixture.committed(&[(0, 1)]).await.opening().query;
    let found = fixture.store.get(query).unwrap();
    fixture.store.remove_expired(after(KEEP));
    let refused = found.read().unwrap_err();
    assert_eq!(refused.to_string(), ResultError::gone(query).to_string());
    assert!(matches!(refused, ResultError::NotFound(_)));
}

#[tokio::test]
async fn a_failure_is_kept_as_long() {
    let fixture = Fixture::new();
    fixture.open().fail(broken());
    assert_eq!(fixture.store.remove_expired(after(KEEP / 2)), 0);
    assert_eq!(fixture.store.remove_expired(after(KEEP)), 1);
}

#[tokio::test]
async fn a_result_that_is_not_complete_has_no_end() {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.verify(0, &[]).unwrap();
    assert_eq!(fixture.store.remove_expired(after(KEEP * 100)), 0);
}

#[tokio::test]
async fn a_reader_keeps_its_result() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 1)]).await;
    let mut reader = result.read().unwrap();
    reader.next().await.unwrap();
    assert_eq!(fixture.store.remove_expired(after(KEEP - KEEP / 10)), 0);
    drop(reader);
    assert_eq!(fixture.store.remove_expired(after(KEEP)), 1);
}

#[tokio::test]
async fn a_stalled_reader_does_not_keep_a_result_for_ever() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 2)]).await;
    let mut reader = result.read().unwrap();
    reader.next().await.unwrap();
    assert_eq!(fixture.store.remove_expired(after(KEEP * 2)), 1);
    assert_eq!(fixture.memory(), 0);
    assert!(matches!(reader.next().await, Err(ResultError::NotFound(_))));
}

#[tokio::test]
async fn a_short_time_to_keep_does_not_make_a_reader_stall() {
    let fixture = Fixture::new();
    let opening = Opening { keep: Duration::from_secs(1), ..opening(Uuid::new_v4()) };
    let result = fixture.store.open(opening).unwrap();
    commit(&result);
    let _reader = result.read().unwrap();
    assert_eq!(fixture.store.remove_expired(after(Duration::from_secs(30))), 0);
}

#[tokio::test]
async fn a_renewed_result_stays() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[]).await;
    result.renew(after(KEEP / 2)).unwrap();
    assert_eq!(fixture.store.remove_expired(after(KEEP + KEEP / 4)), 0);
    assert_eq!(fixture.store.remove_expired(after(KEEP * 2)), 1);
    assert!(matches!(result.renew(Instant::now()), Err(ResultError::NotFound(_))));
}

#[tokio::test]
async fn renewing_before_the_end_does_not_bring_the_end_nearer() {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.renew(Instant::now()).unwrap();
    assert_eq!(fixture.store.remove_expired(after(KEEP * 2)), 0, "it is not complete");
    commit(&result);
    assert_eq!(fixture.store.remove_expired(after(KEEP / 2)), 0);
}

#[tokio::test]
async fn a_result_that_was_read_and_renewed_makes_no_place() {
    let fixture = places(2);
    let was_read = fixture.committed(&[]).await;
    read(&was_read).await.unwrap();
    was_read.renew(Instant::now()).unwrap();
    fixture.open();
    assert!(fixture.store.open(opening(Uuid::new_v4())).is_err());
}

#[tokio::test]
async fn a_failure_is_not_renewed() {
    let result = Fixture::new().open();
    result.fail(broken());
    assert_eq!(result.renew(Instant::now()).unwrap_err().to_string(), broken().to_string());
}

#[tokio::test]
async fn no_time_is_too_long() {
    let fixture = Fixture::new();
    let opening = Opening { keep: Duration::MAX, ..opening(Uuid::new_v4()) };
    let result = fixture.store.open(opening).unwrap();
    result.verify(0, &[]).unwrap();
    result.commit(0).unwrap();
    result.renew(Instant::now()).unwrap();
    assert_eq!(fixture.store.remove_expired(after(KEEP)), 0);
}

#[tokio::test]
async fn a_result_that_was_read_makes_place_for_a_new_one() {
    let fixture = places(4);
    let unread = fixture.committed(&[]).await;
    let was_read = fixture.committed(&[]).await;
    read(&was_read).await.unwrap();
    let (_running, _other) = (fixture.open(), fixture.open());
    fixture.open();
    let kept = |result: &QueryResult| fixture.store.get(result.opening().query).is_some();
    assert!(!kept(&was_read));
    assert!(kept(&unread));
}

#[tokio::test]
async fn a_failure_makes_place_for_a_new_result() {
    let fixture = places(1);
    fixture.open().fail(broken());
    fixture.open();
    assert_eq!(fixture.store.usage().results, 1);
}

#[tokio::test]
async fn what_nobody_read_is_never_given_up() {
    let fixture = places(2);
    fixture.committed(&[]).await;
    let read = fixture.committed(&[]).await;
    let _reader = read.read().unwrap();
    let refused = fixture.store.open(opening(Uuid::new_v4()));
    assert!(matches!(refused, Err(ResultError::Exhausted(_))));
}

#[tokio::test]
async fn ten_thousand_small_results_that_are_read_all_find_a_place() {
    let fixture = places(100);
    for _ in 0..10_000 {
        let result = fixture.committed(&[(0, 1)]).await;
        read(&result).await.unwrap();
    }
    assert!(fixture.store.usage().results <= 100);
    assert!(fixture.memory() <= 100 * FRAME);
}

#[tokio::test]
async fn a_result_has_so_many_readers_and_no_more() {
    let fixture = places(9);
    let result = fixture.committed(&[]).await;
    let readers = [result.read().unwrap(), result.read().unwrap()];
    assert!(matches!(result.read(), Err(ResultError::Exhausted(_))));
    drop(readers);
    result.read().unwrap();
}

#[tokio::test]
async fn a_node_has_so_many_readers_and_no_more() {
    let fixture = places(9);
    let (one, other) = (fixture.committed(&[]).await, fixture.committed(&[]).await);
    let readers = [one.read().unwrap(), one.read().unwrap(), other.read().unwrap()];
    assert!(matches!(other.read(), Err(ResultError::Exhausted(_))));
    drop(readers);
    other.read().unwrap();
}
