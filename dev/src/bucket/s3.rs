//! Objects and the requests for them, in the words of S3.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use bytes::Bytes;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use http_body_util::Full;
use parking_lot::Mutex;
use percent_encoding::percent_decode_str;

use super::NAME;

/// Nothing here is told by its age.
const WRITTEN: (&str, &str) = ("Sat, 28 Nov 2026 00:00:00 GMT", "2026-11-28T00:00:00.000Z");

type Answer = Response<Full<Bytes>>;

/// Whole objects, by their keys.
#[derive(Default)]
pub(super) struct Objects(Mutex<BTreeMap<String, Object>>);

#[derive(Clone)]
struct Object {
    bytes: Bytes,
    /// Another one for each object that was made.
    tag: usize,
}

pub(super) fn status(status: StatusCode) -> Answer {
    let mut answer = Answer::default();
    *answer.status_mut() = status;
    answer
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn asked(parts: &Parts, name: &str) -> Option<String> {
    let pairs = parts.uri.query().unwrap_or_default().split('&');
    let mut values = pairs.filter_map(|pair| pair.split_once('='));
    values.find(|(own, _)| *own == name).map(|(_, value)| decoded(value))
}

impl Objects {
    pub(super) fn keys(&self, part: &str) -> Vec<String> {
        self.0.lock().keys().filter(|key| key.contains(part)).cloned().collect()
    }

    pub(super) fn answer(&self, parts: &Parts, body: Bytes) -> Answer {
        let path = decoded(parts.uri.path());
        let key = path.strip_prefix(&format!("/{NAME}")).unwrap_or(&path).trim_start_matches('/');
        match parts.method {
            Method::GET if key.is_empty() => self.list(parts),
            Method::GET => self.get(key, parts),
            Method::HEAD => self.head(key),
            Method::PUT => self.put(key, parts, body),
            Method::DELETE => {
                self.0.lock().remove(key);
                status(StatusCode::NO_CONTENT)
            }
            Method::POST if key.is_empty() => self.delete(&body),
            _ => status(StatusCode::NOT_IMPLEMENTED),
        }
    }

    fn put(&self, key: &str, parts: &Parts, bytes: Bytes) -> Answer {
        let mut objects = self.0.lock();
        if parts.headers.contains_key(header::IF_NONE_MATCH) && objects.contains_key(key) {
            return status(StatusCode::PRECONDITION_FAILED);
        }
        let tag = objects.values().map(|object| object.tag).max().unwrap_or_default() + 1;
        let object = Object { bytes, tag };
        objects.insert(key.to_owned(), object.clone());
        described(&object)
    }

    fn head(&self, key: &str) -> Answer {
        let Some(object) = self.0.lock().get(key).cloned() else {
            return status(StatusCode::NOT_FOUND);
        };
        let mut answer = described(&object);
        answer.headers_mut().insert(header::CONTENT_LENGTH, object.bytes.len().into());
        answer
    }

    fn get(&self, key: &str, parts: &Parts) -> Answer {
        let Some(object) = self.0.lock().get(key).cloned() else {
            return status(StatusCode::NOT_FOUND);
        };
        let whole = object.bytes.len();
        let range = parts.headers.get(header::RANGE).and_then(|range| range.to_str().ok());
        let mut answer = described(&object);
        let Some((from, to)) = range.and_then(|range| bounds(range, whole)) else {
            *answer.body_mut() = Full::new(object.bytes);
            return answer;
        };
        *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
        let told = format!("bytes {from}-{}/{whole}", to - 1);
        answer.headers_mut().insert(header::CONTENT_RANGE, told.parse().expect("plain text"));
        *answer.body_mut() = Full::new(object.bytes.slice(from..to));
        answer
    }

    fn list(&self, parts: &Parts) -> Answer {
        let prefix = asked(parts, "prefix").unwrap_or_default();
        let after = asked(parts, "start-after").unwrap_or_default();
        let folders = asked(parts, "delimiter").is_some();
        let mut below = BTreeSet::new();
        let mut listed = String::from("<ListBucketResult>");
        for (key, object) in self.0.lock().iter() {
            let Some(rest) = key.strip_prefix(&prefix).filter(|_| *key > after) else { continue };
            match rest.split_once('/') {
                Some((folder, _)) if folders => drop(below.insert(format!("{prefix}{folder}/"))),
                _ => {
                    let (size, tag, written) = (object.bytes.len(), object.tag, WRITTEN.1);
                    let _ = write!(
                        listed,
                        "<Contents><Key>{key}</Key><LastModified>{written}</LastModified><ETag>{tag}</ETag><Size>{size}</Size></Contents>"
                    );
                }
            }
        }
        for folder in below {
            let _ = write!(listed, "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>");
        }
        listed.push_str("</ListBucketResult>");
        Response::new(Full::new(listed.into()))
    }

    fn delete(&self, body: &[u8]) -> Answer {
        let body = String::from_utf8_lossy(body);
        let mut objects = self.0.lock();
        for piece in body.split("<Key>").skip(1) {
            objects.remove(piece.split("</Key>").next().unwrap_or_default());
        }
        Response::new(Full::new("<DeleteResult></DeleteResult>".into()))
    }
}

fn described(object: &Object) -> Answer {
    let mut answer = status(StatusCode::OK);
    let headers = answer.headers_mut();
    headers.insert(header::ETAG, object.tag.into());
    headers.insert(header::LAST_MODIFIED, WRITTEN.0.parse().expect("plain text"));
    answer
}

/// Of `bytes=1-2`, `bytes=1-` and `bytes=-2`: from, and to which byte no more.
fn bounds(range: &str, whole: usize) -> Option<(usize, usize)> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    match (from.parse().ok(), to.parse::<usize>().ok()) {
        (Some(from), to) => Some((from, to.map_or(whole, |to| (to + 1).min(whole)))),
        (None, Some(last)) => Some((whole.saturating_sub(last), whole)),
        (None, None) => None,
    }
}
