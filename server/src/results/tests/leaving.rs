//! Rows of a run leave only with leave, or once they are complete.

use tokio::sync::mpsc;

use super::*;

/// A reader that asks, and what it asks: the runs, each answered with what is sent back.
fn asking(
    result: &Arc<QueryResult>,
) -> (ResultReader, mpsc::UnboundedReceiver<(u32, tokio::sync::oneshot::Sender<bool>)>) {
    let (asks, asked) = mpsc::unbounded_channel();
    let leave = Leave::new(move |attempt| {
        let (answer, answered) = tokio::sync::oneshot::channel();
        asks.send((attempt, answer)).unwrap();
        async move {
            match answered.await {
                Ok(true) => Ok(()),
                _ => Err(ResultError::Unavailable("not now".into())),
            }
        }
        .boxed()
    });
    (result.read().unwrap().with_leave(Some(leave)), asked)
}

async fn filled() -> (Fixture, Arc<QueryResult>) {
    let fixture = Fixture::new();
    let result = fixture.open();
    result.begin(part(&result, 0)).unwrap();
    result.append(part(&result, 0), frame(0, 0)).await.unwrap();
    (fixture, result)
}

#[tokio::test]
async fn nothing_leaves_before_the_answer() {
    let (_fixture, result) = filled().await;
    let (mut reader, mut asked) = asking(&result);
    let mut next = Box::pin(reader.next());
    assert!(next.as_mut().now_or_never().is_none());
    let (attempt, answer) = asked.recv().await.unwrap();
    assert_eq!(attempt, 0);
    answer.send(true).unwrap();
    assert_eq!(name(&next.await.unwrap().unwrap()), (0, 0));
}

#[tokio::test]
async fn it_is_asked_once_for_all_readers() {
    let (_fixture, result) = filled().await;
    let (mut one, mut asked) = asking(&result);
    let (mut other, mut asked_again) = asking(&result);
    let answering = async { asked.recv().await.unwrap().1.send(true).unwrap() };
    let (first, ()) = tokio::join!(one.next(), answering);
    assert_eq!(name(&first.unwrap().unwrap()), (0, 0));
    assert_eq!(name(&other.next().await.unwrap().unwrap()), (0, 0));
    assert!(asked_again.try_recv().is_err());
}

/// Frames that come meanwhile do not make it ask again.
#[tokio::test]
async fn it_waits_for_the_answer_while_frames_come() {
    let (_fixture, result) = filled().await;
    let (mut reader, mut asked) = asking(&result);
    let mut next = Box::pin(reader.next());
    assert!(next.as_mut().now_or_never().is_none());
    result.append(part(&result, 0), frame(0, 1)).await.unwrap();
    assert!(next.as_mut().now_or_never().is_none());
    let (_, answer) = asked.recv().await.unwrap();
    assert!(asked.try_recv().is_err());
    answer.send(true).unwrap();
    assert_eq!(name(&next.await.unwrap().unwrap()), (0, 0));
}

#[tokio::test]
async fn what_is_complete_leaves_without() {
    let (_fixture, result) = filled().await;
    result.seal(part(&result, 0)).unwrap();
    let (mut reader, mut asked) = asking(&result);
    let mut next = Box::pin(reader.next());
    assert!(next.as_mut().now_or_never().is_none());
    let _unanswered = asked.recv().await.unwrap();
    result.verify(0, &result.summaries()).unwrap();
    result.commit(0).unwrap();
    assert_eq!(name(&next.await.unwrap().unwrap()), (0, 0));
}

/// A peer that is cut off from its coordinator, but not from its client.
#[tokio::test]
async fn what_may_not_leave_never_does() {
    let (_fixture, result) = filled().await;
    let (mut reader, mut asked) = asking(&result);
    let mut next = Box::pin(reader.next());
    assert!(next.as_mut().now_or_never().is_none());
    asked.recv().await.unwrap().1.send(false).unwrap();
    assert!(next.as_mut().now_or_never().is_none());
    result.complete_without(1, &["me".into()]).unwrap();
    assert!(next.await.unwrap().is_none());
}
