//! The member record and the greeting as protobuf, derived by hand: no protoc in the build.
//!
//! Tags are forever: a rolling upgrade has two versions of the program reading each other. Whatever
//! comes from the wire is checked here, once, before it becomes a [`Member`].

use crate::address::{Address, location};
use crate::error::Error;
use crate::member::{Member, Roles, check_node_id};

/// More advertised locations than any node has; a longer list is a mistake or an attack.
const MOST_LOCATIONS: usize = 16;
/// The longest version, zone or host, in bytes.
const LONGEST_TEXT: usize = 255;

/// What nodes say to each other in `Hello`, in both directions.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Greeting {
    /// Who is speaking.
    #[prost(message, optional, tag = "1")]
    pub member: Option<MemberRecord>,
    /// Set when the speaker goes: keep it out from now on.
    #[prost(bool, tag = "2")]
    pub leaving: bool,
    /// In an answer: the speaker does not have the one it answers in its list of peers.
    #[prost(bool, tag = "3")]
    pub stranger: bool,
}

/// A [`Member`] as it travels, also as the content of a registration elsewhere.
#[derive(Clone, PartialEq, prost::Message)]
pub struct MemberRecord {
    /// [`Member::node_id`].
    #[prost(string, tag = "1")]
    pub node_id: String,
    /// [`Member::generation`].
    #[prost(fixed64, tag = "2")]
    pub generation: u64,
    /// [`Member::version`].
    #[prost(string, tag = "3")]
    pub version: String,
    /// [`Member::zone`].
    #[prost(string, optional, tag = "4")]
    pub zone: Option<String>,
    /// [`Member::host`].
    #[prost(string, tag = "5")]
    pub host: String,
    /// [`Member::roles`], by name: a role this version does not know is passed over. None while it drains.
    #[prost(string, repeated, tag = "6")]
    pub roles: Vec<String>,
    /// [`Member::internal`], as `host:port`.
    #[prost(string, tag = "7")]
    pub internal: String,
    /// [`Member::advertised`].
    #[prost(string, repeated, tag = "8")]
    pub advertised: Vec<String>,
}

impl From<&Member> for MemberRecord {
    fn from(member: &Member) -> Self {
        Self {
            node_id: member.node_id.clone(),
            generation: member.generation,
            version: member.version.clone(),
            zone: member.zone.clone(),
            host: member.host.clone(),
            roles: member.roles.names().map(str::to_owned).collect(),
            internal: member.internal.to_string(),
            advertised: member.advertised.clone(),
        }
    }
}

impl TryFrom<MemberRecord> for Member {
    type Error = Error;

    fn try_from(record: MemberRecord) -> Result<Self, Error> {
        check_node_id(&record.node_id).map_err(Error::Record)?;
        check_texts(&record)?;
        Ok(Self {
            internal: internal(&record.internal)?,
            advertised: advertised(record.advertised)?,
            roles: roles(&record.roles),
            node_id: record.node_id,
            generation: record.generation,
            version: record.version,
            zone: record.zone,
            host: record.host,
        })
    }
}

fn check_texts(record: &MemberRecord) -> Result<(), Error> {
    let texts = [&record.version, &record.host].into_iter().chain(&record.zone);
    match texts.into_iter().find(|t| t.len() > LONGEST_TEXT || t.chars().any(char::is_control)) {
        Some(text) => Err(Error::Record(format!(
            "version, zone and host have at most {LONGEST_TEXT} printable characters, not {text:.40?}"
        ))),
        None => Ok(()),
    }
}

fn internal(text: &str) -> Result<Address, Error> {
    let refused = |reason: &str| Error::Record(format!("internal address {text:.80?} {reason}"));
    let address: Address = text.parse().map_err(|reason: String| refused(&reason))?;
    match address.undiallable() {
        Some(reason) => Err(refused(reason)),
        None => Ok(address),
    }
}

fn advertised(texts: Vec<String>) -> Result<Vec<String>, Error> {
    if texts.len() > MOST_LOCATIONS {
        return Err(Error::Record(format!("more than {MOST_LOCATIONS} advertised locations")));
    }
    let checked = |text: String| {
        location(&text).map_err(|why| Error::Record(format!("advertised {text:.80?}: {why}")))
    };
    texts.into_iter().map(checked).collect()
}

fn roles(names: &[String]) -> Roles {
    let has = |name: &str| names.iter().any(|n| n == name);
    Roles { coordinator: has("coordinator"), worker: has("worker"), serve: has("serve") }
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    fn record() -> MemberRecord {
        MemberRecord {
            node_id: "a".into(),
            generation: 7,
            version: "0.1.0".into(),
            zone: Some("z".into()),
            host: "h".into(),
            roles: vec!["worker".into(), "serve".into()],
            internal: "h:1".into(),
            advertised: vec!["grpc+tcp://h:2".into()],
        }
    }

    #[test]
    fn a_member_survives_the_wire() {
        let bytes = record().encode_to_vec();
        let member = Member::try_from(MemberRecord::decode(&bytes[..]).unwrap()).unwrap();
        assert_eq!(MemberRecord::from(&member), record());
    }

    #[test]
    fn a_role_of_a_later_version_is_passed_over() {
        let later = MemberRecord { roles: vec!["worker".into(), "oracle".into()], ..record() };
        let member = Member::try_from(later).unwrap();
        assert_eq!(member.roles.to_string(), "worker");
    }

    #[test]
    fn a_record_that_cannot_be_dialled_or_printed_is_refused() {
        let bad = [
            MemberRecord { node_id: String::new(), ..record() },
            MemberRecord { internal: "0.0.0.0:1".into(), ..record() },
            MemberRecord { internal: "h:0".into(), ..record() },
            MemberRecord { advertised: vec!["http://h:1".into()], ..record() },
            MemberRecord { advertised: vec!["h:1".into(); 17], ..record() },
            MemberRecord { zone: Some("\u{7}".into()), ..record() },
            MemberRecord { host: "h".repeat(256), ..record() },
        ];
        for record in bad {
            assert!(Member::try_from(record.clone()).is_err(), "{record:?}");
        }
    }

    /// A fuzz target: see `cargo bolero`. Whatever greets is a member that survives the wire, or refused.
    #[test]
    fn any_bytes_are_a_member_or_refused() {
        let valid = Greeting { member: Some(record()), ..Default::default() }.encode_to_vec();
        let inputs = bolero::check!().with_type::<(Option<Vec<u8>>, Vec<(u8, u8)>)>();
        inputs.with_test_time(std::time::Duration::from_secs(1)).for_each(|(raw, edits)| {
            let mut bytes = raw.clone().unwrap_or_else(|| valid.clone());
            for (at, byte) in edits {
                let at = *at as usize % bytes.len().max(1);
                bytes.iter_mut().skip(at).take(1).for_each(|place| *place = *byte);
            }
            let greeting = Greeting::decode(&bytes[..]).ok();
            let Some(record) = greeting.and_then(|greeting| greeting.member) else { return };
            if let Ok(member) = Member::try_from(record) {
                let again = MemberRecord::from(&member);
                assert_eq!(Member::try_from(again).unwrap(), member);
            }
        });
    }
}
