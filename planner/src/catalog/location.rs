//! `--data PATH_OR_URL`, understood before anything is read from it.
//!
//! A location is split into the *store* it is in (`file:///`, `s3://bucket`, …: the key under which
//! plans find the object store on every node) and the *path* inside that store. The same text gives
//! the same split on every node: symbolic links are kept, since they may differ between machines.

use super::error::CatalogError;
use super::files::format::DataFormat;
use datafusion::execution::object_store::ObjectStoreUrl;
use object_store::path::{Path, PathPart};
use std::path::{Component, PathBuf};
use std::str::FromStr;
use url::Url;

/// Where a location's bytes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// The local file system.
    Local,
    /// Amazon S3 or a store that speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage or Data Lake.
    Azure,
    /// A plain web server: one file per location, nothing can be listed.
    Http,
}

/// One parsed `--data` value. `Display` gives it back as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataLocation {
    given: String,
    scheme: Scheme,
    url: Url,
    store: ObjectStoreUrl,
    path: Path,
}

/// The path of a file below a folder, of a name as its store has it: `a%2Fb` is not to become `a%252Fb`.
pub(crate) fn file_below(folder: &Path, file: &str) -> Path {
    let parts = file.split('/').filter(|part| !part.is_empty());
    // What no store may have for a name (`..`) becomes something that is not there.
    let part = |name| PathPart::parse(name).unwrap_or_else(|_| PathPart::from(name));
    parts.fold(folder.clone(), |path, name| path.join(part(name)))
}

// === impl DataLocation ===

impl DataLocation {
    /// Where its bytes come from.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The key of its object store in a DataFusion runtime and in plans.
    pub fn store_url(&self) -> &ObjectStoreUrl {
        &self.store
    }

    /// The path of the file or folder inside its store.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A place to write to: as `FromStr` reads it, but for a local folder that need not be there yet.
    ///
    /// # Errors
    /// `BadLocation`, as by `FromStr`, and for a web server, which takes nothing.
    pub fn warehouse(given: &str) -> Result<Self, CatalogError> {
        let bad = |reason: String| CatalogError::BadLocation { location: given.to_owned(), reason };
        let location: Self = match given.split_once("://") {
            None if given.is_empty() => Err("is empty".to_owned()),
            None => folder(given, PathBuf::from(given)),
            Some(("file", _)) => file_path(given).and_then(|path| folder(given, path)),
            Some((scheme, _)) => remote(given, &scheme.to_ascii_lowercase()),
        }
        .map_err(bad)?;
        match location.scheme {
            Scheme::Http => Err(bad("is a web server, where nothing can be written".into())),
            _ => Ok(location),
        }
    }

    /// A place as its text says, without a look at what is there: whoever may not read a place is not told either whether
    /// there is one. Where links lead to is to be looked at afterwards.
    ///
    /// # Errors
    /// `BadLocation` for a text that names none.
    pub(crate) fn unseen(given: &str) -> Result<Self, CatalogError> {
        let located = match given.split_once("://") {
            None if given.is_empty() => Err("is empty".to_owned()),
            None => unseen(given, PathBuf::from(given)),
            Some(("file", _)) => file_path(given).and_then(|path| unseen(given, path)),
            Some((scheme, _)) => remote(given, &scheme.to_ascii_lowercase()),
        };
        located.map_err(|reason| CatalogError::BadLocation { location: given.to_owned(), reason })
    }

    /// Whether this is another location or below it.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.store == other.store && self.path.prefix_matches(&other.path)
    }

    /// The same for all texts that mean one place: with a `/` in the end and without, say.
    pub(crate) fn key(&self) -> String {
        format!("{}{}", self.store.as_str(), self.path)
    }

    /// As any node understands it, whatever its working directory is.
    pub(crate) fn absolute(&self) -> String {
        match self.scheme {
            Scheme::Local => format!("/{}", self.path),
            _ => self.given.clone(),
        }
    }

    /// Another place of its store.
    pub(crate) fn at(&self, path: &Path) -> Self {
        Self { given: self.show(path), path: path.clone(), ..self.clone() }
    }

    /// A place below it.
    pub(crate) fn below(&self, folders: &str) -> Self {
        let path = folders.split('/').fold(self.path.clone(), |path, folder| path.join(folder));
        self.at(&path)
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The name of the table, were the location a single one: its last segment without suffix.
    pub(super) fn table_name(&self) -> String {
        let last = self.path.filename().or(self.url.host_str()).unwrap_or("data");
        DataFormat::split(last).map_or(last, |(stem, _)| stem).to_owned()
    }

    /// A path inside this location's store the way a user would write it.
    pub(crate) fn show(&self, path: &Path) -> String {
        match self.scheme {
            Scheme::Local => format!("/{path}"),
            _ => format!("{}/{path}", &self.url[..url::Position::BeforePath]),
        }
    }
}

impl std::fmt::Display for DataLocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.given)
    }
}

impl FromStr for DataLocation {
    type Err = CatalogError;

    /// Takes a local path (absolute or relative to the working directory; it must exist) or a URL.
    fn from_str(given: &str) -> Result<Self, CatalogError> {
        let parsed = match given.split_once("://") {
            None if given.is_empty() => Err("is empty".to_owned()),
            None => local(given, PathBuf::from(given)),
            Some((scheme, _)) => remote(given, &scheme.to_ascii_lowercase()),
        };
        parsed.map_err(|reason| CatalogError::BadLocation { location: given.to_owned(), reason })
    }
}

fn unseen(given: &str, path: PathBuf) -> Result<DataLocation, String> {
    let mut seen = PathBuf::new();
    for component in std::path::absolute(&path).map_err(|e| e.to_string())?.components() {
        match component {
            Component::ParentDir => {
                seen.pop();
            }
            other => seen.push(other),
        }
    }
    of_path(given, &seen)
}

/// A folder of this machine that need not be there yet.
fn folder(given: &str, path: PathBuf) -> Result<DataLocation, String> {
    if path.is_file() {
        return Err("is a file".to_owned());
    }
    let path = match path.exists() {
        true => absolute(path)?,
        false => std::path::absolute(&path).map_err(|e| e.to_string())?,
    };
    of_path(given, &path)
}

/// A file or folder of this machine.
fn local(given: &str, path: PathBuf) -> Result<DataLocation, String> {
    let path = absolute(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if path.is_file() && DataFormat::split(&name).is_none() {
        let suffixes = DataFormat::suffixes();
        return Err(format!("is a file, but not one whose name ends in {suffixes}"));
    }
    of_path(given, &path)
}

fn of_path(given: &str, path: &std::path::Path) -> Result<DataLocation, String> {
    Ok(DataLocation {
        given: given.to_owned(),
        scheme: Scheme::Local,
        url: Url::from_file_path(path).map_err(|()| "is not an absolute path".to_owned())?,
        store: ObjectStoreUrl::local_filesystem(),
        path: Path::from_absolute_path(path).map_err(|e| e.to_string())?,
    })
}

/// The absolute form of an existing path. `..` means what the file system says it means, links
/// included; without `..` links are left alone.
fn absolute(path: PathBuf) -> Result<PathBuf, String> {
    if let Err(error) = std::fs::metadata(&path) {
        return Err(match error.kind() {
            std::io::ErrorKind::NotFound => "no such file or folder".to_owned(),
            _ => error.to_string(),
        });
    }
    let climbs = path.components().any(|c| c == Component::ParentDir);
    let absolute = if climbs { path.canonicalize() } else { std::path::absolute(&path) };
    absolute.map_err(|e| e.to_string())
}

/// Anything written as a URL.
fn remote(given: &str, scheme: &str) -> Result<DataLocation, String> {
    let scheme = match scheme {
        "file" => return local(given, file_path(given)?),
        "s3" | "s3a" => Scheme::S3,
        "gs" => Scheme::Gcs,
        "az" | "abfs" | "abfss" => Scheme::Azure,
        "http" | "https" => Scheme::Http,
        other => {
            return Err(format!(
                "unknown scheme '{other}'; use a local path, file://, s3://, gs://, az://, \
                 abfs://, abfss://, http:// or https://"
            ));
        }
    };
    let url = Url::parse(given).map_err(|e| format!("is not a URL: {e}"))?;
    check_url(&url, scheme)?;
    let path = Path::from_url_path(url.path()).map_err(|e| e.to_string())?;
    if scheme == Scheme::Http {
        check_single_file(&path)?;
    }
    Ok(DataLocation { given: given.to_owned(), scheme, store: store_key(&url)?, path, url })
}

fn file_path(given: &str) -> Result<PathBuf, String> {
    let url = Url::parse(given).map_err(|e| format!("is not a URL: {e}"))?;
    url.to_file_path().map_err(|()| "a file URL is written file:///absolute/path".to_owned())
}

fn check_url(url: &Url, scheme: Scheme) -> Result<(), String> {
    if url.host_str().is_none_or(str::is_empty) {
        return Err("has no bucket, container or host".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("a query ('?…') or fragment ('#…') is not supported; write '?' as %3F and \
             '#' as %23 if they belong to the name"
            .to_owned());
    }
    // abfs[s]://container@account.… is the only URL whose user part is not a credential.
    let has_user = !url.username().is_empty() && scheme != Scheme::Azure;
    if has_user || url.password().is_some() {
        return Err("credentials do not belong in a URL, where logs and error messages would \
             show them; use the environment"
            .to_owned());
    }
    Ok(())
}

fn check_single_file(path: &Path) -> Result<(), String> {
    match path.filename().and_then(DataFormat::split) {
        Some(_) => Ok(()),
        None => Err(format!(
            "a web server cannot be listed: give the URL of one file ending in {}",
            DataFormat::suffixes()
        )),
    }
}

/// The registry key of a URL's store. DataFusion leaves the user part out of its keys, which would
/// make one store of all containers of an Azure account: there the container moves into the host.
fn store_key(url: &Url) -> Result<ObjectStoreUrl, String> {
    let host = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let key = match url.username() {
        "" => format!("{}://{host}", url.scheme()),
        container => format!("{}://{container}.{host}", url.scheme()),
    };
    ObjectStoreUrl::parse(key).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> DataLocation {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> String {
        text.parse::<DataLocation>().unwrap_err().to_string()
    }

    #[test]
    fn a_bucket_and_a_prefix_are_told_apart() {
        let location = parse("s3://bucket/some/prefix/");
        assert_eq!(location.store_url().as_str(), "s3://bucket/");
        assert_eq!(location.path().as_ref(), "some/prefix");
        assert_eq!(location.show(location.path()), "s3://bucket/some/prefix");
    }

    #[test]
    fn containers_of_one_azure_account_are_different_stores() {
        let a = parse("abfss://a@acct.dfs.core.windows.net/t");
        let b = parse("abfss://b@acct.dfs.core.windows.net/t");
        assert_ne!(a.store_url(), b.store_url());
    }

    #[test]
    fn a_relative_path_becomes_absolute() {
        let location = parse("src");
        let expected = std::env::current_dir().unwrap().join("src");
        assert_eq!(format!("/{}", location.path()), expected.to_str().unwrap());
        assert_eq!(location.table_name(), "src");
    }

    #[test]
    fn parent_folders_in_a_path_are_resolved() {
        let location = parse("src/../src");
        assert!(!location.path().as_ref().contains(".."));
    }

    #[test]
    fn spaces_unicode_and_percent_signs_survive_in_paths_and_file_urls() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("größe 100% [a]#?.parquet");
        std::fs::write(&odd, b"x").unwrap();
        let by_path = parse(odd.to_str().unwrap());
        assert_eq!(by_path.table_name(), "größe 100% [a]#?");
        let by_url = parse(Url::from_file_path(&odd).unwrap().as_str());
        assert_eq!(by_path.path(), by_url.path());
    }

    #[test]
    fn an_unknown_scheme_is_refused_with_the_known_ones() {
        let text = refusal("ftp://host/x");
        assert!(text.contains("unknown scheme 'ftp'") && text.contains("s3://"), "{text}");
    }

    #[test]
    fn a_missing_path_is_refused_by_name() {
        let text = refusal("/no/such/folder");
        assert_eq!(text, "data location '/no/such/folder': no such file or folder");
    }

    #[test]
    fn credentials_in_a_url_are_refused() {
        assert!(refusal("https://me:secret@host/x.parquet").contains("credentials"));
        assert!(refusal("s3://key@bucket/x").contains("credentials"));
    }

    #[test]
    fn a_folder_on_a_web_server_is_refused() {
        let text = refusal("http://host/folder/");
        assert!(text.contains("cannot be listed") && text.contains(".parquet"), "{text}");
    }

    #[test]
    fn a_query_string_is_refused() {
        assert!(refusal("https://host/x.parquet?sig=1").contains("query"));
    }

    #[test]
    fn a_url_without_bucket_is_refused() {
        assert!(refusal("s3:///x").contains("no bucket"));
    }
}
