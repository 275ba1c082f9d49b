//! What clients need by what they call themselves: the number of endpoints, the types of results.

use datafusion::prelude::SessionConfig;
use squadron_planner::options::{SquadronOptions, Types};
use tonic::metadata::MetadataMap;

use super::forward::AGENT;

/// A client's name of itself: that which the node has passed on that it is connected to, or its own.
pub fn agent(metadata: &MetadataMap) -> &str {
    let agent = metadata.get(AGENT).or_else(|| metadata.get("user-agent"));
    agent.and_then(|agent| agent.to_str().ok()).unwrap_or_default()
}

/// Whether a client reads one endpoint and no more. Of the stock clients two do so, and
/// neither says its name (clients.md, 1.4 and 1.7; measured): flightsql-dbapi (Superset) reads the first and
/// passes over the others without a word, under the name of the C++ library that it stands on; Grafana's
/// plugin refuses any other number, under that of the Go library. So all of these bare names are given one:
/// a result that is slower is better than one that is short. ADBC and JDBC have names of their own, and a
/// program of pyarrow or arrow-go that reads all endpoints asks for them (`squadron-endpoints: all`).
pub fn reads_one(agent: &str) -> bool {
    agent.starts_with("grpc-go/") || agent.starts_with("grpc-c++/")
}

/// The types that a client reads rightly. JDBC's driver shows unsigned numbers as negative ones, and its
/// getObject refuses times with a zone (18.3.0, measured); it calls itself as any program in Java does.
/// Grafana's plugin takes any time for nanoseconds (1.1.1, by its source), and shows no decimals. It is known by the
/// version of the Go library that it was built with alone: other programs in Go read decimals as what they are,
/// and are not to lose digits for it. A later plugin says so itself (a header of its data source).
fn types(agent: &str) -> Types {
    match agent {
        _ if agent.starts_with("grpc-go/1.58.") => Types::Grafana,
        _ if agent.contains("grpc-java") || agent.starts_with("JDBC ") => Types::Jdbc,
        _ => Types::Safe,
    }
}

/// What `auto` means for a client, in the settings of its call.
pub fn choose_types(agent: &str, settings: &mut SessionConfig) {
    let chosen = settings.options().extensions.get::<SquadronOptions>().map(|it| it.types);
    let known = types(agent);
    // The settings are shared until they are changed.
    if chosen == Some(Types::Auto)
        && known != Types::Safe
        && let Some(squadron) = settings.options_mut().extensions.get_mut::<SquadronOptions>()
    {
        squadron.types = known;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENTS: [(&str, bool, Types); 8] = [
        ("grpc-c++/1.76.0 grpc-c/51.0.0 (linux; chttp2)", true, Types::Safe),
        ("grpc-go/1.58.3", true, Types::Grafana),
        ("grpc-go/1.80.0", true, Types::Safe),
        ("ADBC Flight SQL Driver v1.13.0 grpc-go/1.80.0", false, Types::Safe),
        ("grpc-java-netty/1.73.0", false, Types::Jdbc),
        ("JDBC Flight SQL Driver 19.0.0 grpc-java-netty/1.76.0", false, Types::Jdbc),
        ("tonic/0.14.2", false, Types::Safe),
        ("", false, Types::Safe),
    ];

    #[test]
    fn clients_that_may_read_one_endpoint_only_are_known_by_their_agent() {
        for (name, one, _) in AGENTS {
            for key in ["user-agent", AGENT] {
                let mut metadata = MetadataMap::new();
                metadata.insert(key, name.parse().unwrap());
                assert_eq!(reads_one(agent(&metadata)), one, "{name}");
            }
        }
    }

    fn chosen(agent: &str, types: Types) -> Types {
        let options = SquadronOptions { types, ..SquadronOptions::default() };
        let mut settings = SessionConfig::new().with_option_extension(options);
        choose_types(agent, &mut settings);
        settings.options().extensions.get::<SquadronOptions>().unwrap().types
    }

    #[test]
    fn each_is_told_types_that_it_reads_rightly() {
        for (name, _, types) in AGENTS {
            let auto = chosen(name, Types::Auto);
            assert_eq!(if auto == Types::Auto { Types::Safe } else { auto }, types, "{name}");
        }
    }

    #[test]
    fn what_a_session_has_chosen_stays() {
        for (name, _, _) in AGENTS {
            assert_eq!(chosen(name, Types::Native), Types::Native, "{name}");
        }
    }
}
