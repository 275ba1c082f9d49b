//! A query that runs again: what earlier runs brought is gone, and what they still bring is refused.

use super::*;

fn later(result: &QueryResult, attempt: u32, partition: u32) -> PartKey {
    PartKey { attempt, ..part(result, partition) }
}

async fn write_later(result: &Arc<QueryResult>, attempt: u32, frames: u32) {
    let part = later(result, attempt, 0);
    result.begin(part).unwrap();
    for number in 0..frames {
        result.append(part, frame(0, number)).await.unwrap();
    }
    result.seal(part).unwrap();
}

fn is_refused<T>(outcome: Result<T, ResultError>) -> bool {
    matches!(outcome, Err(ResultError::Corrupt(_)))
}

#[tokio::test]
async fn a_later_run_begins_with_nothing_and_the_same_goes_on() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 3).await;
    result.restart(0, &[]).unwrap();
    assert_eq!(fixture.memory(), 3 * FRAME);
    result.restart(1, &[]).unwrap();
    assert_eq!((fixture.memory(), result.frames()), (0, 0));
}

#[tokio::test]
async fn what_earlier_runs_bring_is_refused() {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.begin(part(&result, 0)).unwrap();
    result.restart(1, &[]).unwrap();
    assert!(is_refused(result.append(part(&result, 0), frame(0, 0)).await));
    assert!(is_refused(result.seal(part(&result, 0))));
    assert!(is_refused(result.begin(part(&result, 1))));
    assert!(is_refused(result.verify(0, &[])));
    assert!(is_refused(result.restart(0, &[])));
    result.verify(1, &[]).unwrap();
    assert!(is_refused(result.commit(0)));
    result.commit(1).unwrap();
    assert!(is_refused(result.restart(2, &[])), "it is complete");
}

#[tokio::test]
async fn a_verified_run_can_be_followed_by_another() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 2).await;
    result.verify(0, &result.summaries()).unwrap();
    result.restart(1, &[]).unwrap();
    assert_eq!(fixture.memory(), 0);
    write_later(&result, 1, 1).await;
    result.verify(1, &result.summaries()).unwrap();
    result.commit(1).unwrap();
    assert_eq!(read(&result).await.unwrap().len(), 1);
}

#[tokio::test]
async fn rows_that_have_left_are_not_given_twice() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    result.read().unwrap().next().await.unwrap().expect("a frame");
    assert!(matches!(result.restart(1, &[]), Err(ResultError::Unavailable(_))));
    assert_eq!(fixture.memory(), FRAME, "the run goes on");
}

#[tokio::test]
async fn a_reader_that_waits_is_given_the_later_run_alone() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let mut reader = result.read().unwrap();
    assert!(reader.next().now_or_never().is_none());
    result.begin(part(&result, 0)).unwrap();
    result.restart(1, &[]).unwrap();
    write_later(&result, 1, 2).await;
    result.verify(1, &result.summaries()).unwrap();
    result.commit(1).unwrap();
    for number in 0..2 {
        assert_eq!(name(&reader.next().await.unwrap().unwrap()), (0, number));
    }
    assert!(reader.next().await.unwrap().is_none());
}

#[tokio::test]
async fn nothing_of_a_staged_result_is_given_before_the_commit() {
    let fixture = Fixture::new();
    let opening = Opening { staged: true, ..opening(Uuid::new_v4()) };
    let result = fixture.store.open(opening).unwrap();
    write(&result, 0, 1).await;
    let mut reader = result.read().unwrap();
    assert!(reader.next().now_or_never().is_none());
    result.verify(0, &result.summaries()).unwrap();
    assert!(reader.next().now_or_never().is_none());
    result.commit(0).unwrap();
    assert!(reader.next().await.unwrap().is_some());
}

#[tokio::test]
async fn the_share_of_a_lost_peer_has_no_rows_once_the_rest_is_complete() {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.restart(1, &["b".to_owned()]).unwrap();
    write_later(&result, 1, 1).await;
    let mut lost = result.read_lost("b").unwrap();
    assert!(lost.next().now_or_never().is_none(), "the query may still fail");
    result.verify(1, &result.summaries()).unwrap();
    result.commit(1).unwrap();
    assert!(lost.next().await.unwrap().is_none());
}

#[tokio::test]
async fn the_share_of_a_peer_that_had_rows_is_missing() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 1)]).await;
    let end = result.read_lost("b").unwrap().next().await;
    assert!(matches!(end, Err(ResultError::Unavailable(_))));
}

#[tokio::test]
async fn a_failure_reaches_the_reader_of_a_lost_share() {
    let result = Fixture::new().open();
    let mut lost = result.read_lost("b").unwrap();
    result.fail(broken());
    assert!(is_broken(&lost.next().await.unwrap_err()));
}

#[tokio::test]
async fn a_peer_that_a_later_run_went_without_has_no_rows() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 2).await;
    result.complete_without(2, &["me".to_owned()]).unwrap();
    assert_eq!(read(&result).await.unwrap().len(), 0);
    assert_eq!(fixture.memory(), 0);
}

#[tokio::test]
async fn a_peer_whose_rows_have_left_cannot_be_gone_without() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    result.read().unwrap().next().await.unwrap().expect("a frame");
    let refused = result.complete_without(1, &["me".to_owned()]);
    assert!(matches!(refused, Err(ResultError::Unavailable(_))));
}

/// Its readers were told, whoever runs it on.
#[tokio::test]
async fn a_query_that_was_given_up_is_not_opened_again() {
    let fixture = Fixture::new();
    let result = fixture.open();
    fixture.store.give_up(&result, broken());
    assert!(is_broken(&read(&result).await.unwrap_err()));
    assert_eq!(fixture.store.remove_expired(after(2 * KEEP)), 1);
    let again = Opening { attempt: 1, ..result.opening().clone() };
    assert!(matches!(fixture.store.open(again), Err(ResultError::Unavailable(_))));
}
