//! What may happen to a result, and in which order.

use super::*;

fn is_corrupt<T>(outcome: Result<T, ResultError>) -> bool {
    matches!(outcome, Err(ResultError::Corrupt(_)))
}

#[tokio::test]
async fn seal_gives_what_was_counted() {
    let fixture = Fixture::new();
    let result = fixture.open();
    assert_eq!(write(&result, 3, 4).await, totals(3, 4));
}

#[tokio::test]
async fn a_part_has_one_writer() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    assert!(is_corrupt(result.begin(part(&result, 0))));
}

#[tokio::test]
async fn a_part_of_another_attempt_is_refused() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let other = PartKey { attempt: 1, ..part(&result, 0) };
    assert!(is_corrupt(result.begin(other)));
}

#[tokio::test]
async fn only_an_open_part_takes_frames() {
    let fixture = Fixture::new();
    let result = fixture.open();
    assert!(is_corrupt(result.append(part(&result, 0), frame(0, 0)).await), "never begun");
    write(&result, 1, 1).await;
    assert!(is_corrupt(result.append(part(&result, 1), frame(1, 1)).await), "sealed");
    assert_eq!(fixture.memory(), FRAME, "refused frames are not charged");
}

#[tokio::test]
async fn a_complete_result_is_released_and_fails_no_more() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 2)]).await;
    result.fail(broken());
    assert!(matches!(result.phase(), Phase::Committed));
    let mut reader = result.read().unwrap();
    reader.next().await.unwrap();
    result.release(broken());
    assert!(is_broken(&reader.next().await.unwrap_err()));
    assert_eq!(fixture.memory(), 0);
}

#[tokio::test]
async fn a_failure_is_not_covered_by_a_release() {
    let result = Fixture::new().open();
    result.fail(broken());
    result.release(ResultError::Corrupt("later".into()));
    assert!(is_broken(&result.read().unwrap().next().await.unwrap_err()));
}

#[tokio::test]
async fn nothing_is_taken_after_the_manifest() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    result.verify(0, &manifest(&result, &[(0, 1)])).unwrap();
    assert!(is_corrupt(result.begin(part(&result, 1))));
    assert!(is_corrupt(result.append(part(&result, 0), frame(0, 1)).await));
    assert!(is_corrupt(result.seal(part(&result, 0))));
    assert_eq!(fixture.memory(), FRAME);
}

#[tokio::test]
async fn a_manifest_that_differs_leaves_the_result_open() {
    let fixture = Fixture::new();
    let result = fixture.open();
    write(&result, 0, 1).await;
    assert!(is_corrupt(result.verify(0, &manifest(&result, &[(0, 2)]))));
    assert!(is_corrupt(result.commit(0)));
    assert!(matches!(result.phase(), Phase::Receiving));
}

#[tokio::test]
async fn there_is_no_commit_without_a_manifest() {
    let fixture = Fixture::new();
    assert!(is_corrupt(fixture.open().commit(0)));
}

#[tokio::test]
async fn a_repeated_commit_is_no_error() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 1)]).await;
    result.commit(0).unwrap();
}

#[tokio::test]
async fn a_repeated_manifest_does_not_take_the_commit_back() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 1)]).await;
    result.verify(0, &manifest(&result, &[(0, 1)])).unwrap();
    assert_eq!(names(&result).await, [(0, 0)]);
}

#[tokio::test]
async fn the_first_failure_stays() {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.fail(broken());
    result.fail(ResultError::Corrupt("second".into()));
    assert!(is_broken(&result.commit(0).unwrap_err()));
    assert!(is_broken(&result.verify(0, &[]).unwrap_err()));
    assert!(is_broken(&result.begin(part(&result, 0)).unwrap_err()));
}

#[tokio::test]
async fn a_committed_result_does_not_fail() {
    let fixture = Fixture::new();
    let result = fixture.committed(&[(0, 1)]).await;
    result.fail(broken());
    assert_eq!(names(&result).await, [(0, 0)]);
}

#[tokio::test]
async fn a_result_that_was_verified_can_still_fail() {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.verify(0, &[]).unwrap();
    result.fail(broken());
    assert!(is_broken(&result.commit(0).unwrap_err()));
}

#[tokio::test]
async fn a_nonsense_number_of_rows_is_a_difference_not_a_panic() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let key = part(&result, 0);
    result.begin(key).unwrap();
    for _ in 0..2 {
        let frame = Frame { rows: u64::MAX, ..frame(0, 0) };
        result.append(key, frame).await.unwrap();
    }
    assert!(is_corrupt(result.verify(0, &manifest(&result, &[(0, 2)]))));
}

#[tokio::test]
async fn a_query_is_opened_once_however_often_it_is_asked() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let again = fixture.store.open(result.opening().clone()).unwrap();
    assert!(Arc::ptr_eq(&result, &again));
}

#[tokio::test]
async fn a_query_is_not_opened_on_other_terms() {
    let fixture = Fixture::new();
    let result = fixture.open();
    let other = Opening { owner: "bob".into(), ..result.opening().clone() };
    assert!(is_corrupt(fixture.store.open(other)));
}
