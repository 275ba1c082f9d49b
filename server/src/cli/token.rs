//! `squadron token`: a token for a tool that cannot ask for one, such as a report that runs at night.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use squadron_cluster::ClusterSecret;

use super::fail;
use crate::auth::{Claims, Principal, Tokens, check_name};

/// Print a token for a user, signed with the cluster secret, good at every node of the cluster
///
/// For tools that cannot log in. It goes as bearer token, or in place of a password; who has it is the user. It
/// ends when its time is over, or when the user is taken out of the file of users.
#[derive(clap::Args, Debug)]
pub(super) struct TokenArgs {
    /// Name of the user
    name: String,
    /// For how long it is good, like 8h or 90d
    #[arg(long, value_name = "DURATION", default_value = "30d")]
    valid: String,
    /// File with the secret of the cluster
    #[arg(long, env = "SQUADRON_CLUSTER_SECRET_FILE", value_name = "FILE")]
    cluster_secret_file: PathBuf,
}

/// Signs and prints.
pub(super) fn run(args: &TokenArgs) -> ExitCode {
    match token(args) {
        Ok(token) => {
            println!("{token}");
            ExitCode::SUCCESS
        }
        Err(why) => fail(&why),
    }
}

fn token(args: &TokenArgs) -> Result<String, String> {
    check_name(&args.name).map_err(|why| format!("{:?}: {why}", args.name))?;
    let valid: Duration = humantime::parse_duration(&args.valid)
        .map_err(|_| format!("--valid {:?}: write it like 8h or 90d", args.valid))?;
    let secret = ClusterSecret::from_file(&args.cluster_secret_file);
    let secret = secret.map_err(|error| error.to_string())?;
    let made = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Claims::new(&Principal::named(&args.name), "", made, valid.as_secs());
    Ok(Tokens::new(&secret).make(&claims))
}
