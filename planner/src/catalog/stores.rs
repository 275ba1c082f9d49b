//! Object stores for data locations.
//!
//! Every node registers the same locations, because a worker decodes plans that name their URLs.
//! So a store is a function of the location and the process environment and of nothing else: the
//! usual variables of each cloud's own tools (`AWS_…`, `GOOGLE_…`, `AZURE_…`).

use super::error::CatalogError;
use super::location::{DataLocation, Scheme};
use datafusion::execution::runtime_env::RuntimeEnv;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use object_store::{ClientConfigKey, ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;

/// Makes `runtime` able to read `location` and gives the store back. A store that is registered
/// already under the same key is kept, with its connections.
///
/// # Errors
/// `BadLocation` if the environment's settings for this kind of store make no sense. Nothing is
/// read: whether the store answers is found out by the first listing.
pub fn register_object_store(
    runtime: &RuntimeEnv,
    location: &DataLocation,
) -> Result<Arc<dyn ObjectStore>, CatalogError> {
    if let Ok(store) = runtime.object_store(location.store_url()) {
        return Ok(store);
    }
    let store = build(location).map_err(|error| CatalogError::BadLocation {
        location: location.to_string(),
        reason: error.to_string(),
    })?;
    runtime.register_object_store(location.store_url().as_ref(), Arc::clone(&store));
    Ok(store)
}

fn build(location: &DataLocation) -> object_store::Result<Arc<dyn ObjectStore>> {
    let url = location.url();
    Ok(match location.scheme() {
        Scheme::Local => Arc::new(object_store::local::LocalFileSystem::new()),
        Scheme::S3 => Arc::new(s3(url.host_str().unwrap_or_default()).build()?),
        Scheme::Gcs => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(retry()).build()?)
        }
        Scheme::Azure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.with_retry(retry()).build()?)
        }
        Scheme::Http => {
            let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
            let builder = HttpBuilder::new().with_url(location.store_url().as_str());
            Arc::new(builder.with_client_options(options).with_retry(retry()).build()?)
        }
    })
}

fn s3(bucket: &str) -> AmazonS3Builder {
    complete_s3(AmazonS3Builder::from_env(), bucket)
}

/// Adds what the environment need not say: plain http where the endpoint is plain http, and a
/// region for stores that have none of their own (MinIO, Ceph, …).
fn complete_s3(mut builder: AmazonS3Builder, bucket: &str) -> AmazonS3Builder {
    let endpoint = builder
        .get_config_value(&AmazonS3ConfigKey::S3Endpoint)
        .or_else(|| builder.get_config_value(&AmazonS3ConfigKey::Endpoint));
    if let Some(endpoint) = endpoint {
        if endpoint.starts_with("http://") {
            let key = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);
            builder = builder.with_config(key, "true");
        }
        if builder.get_config_value(&AmazonS3ConfigKey::Region).is_none() {
            builder = builder.with_region("us-east-1");
        }
    }
    builder.with_bucket_name(bucket).with_retry(retry())
}

/// Seconds, not the minutes of the default: somebody waits for the answer, at start-up or in a
/// query, and a store that is down should be named while they still do.
fn retry() -> RetryConfig {
    RetryConfig { max_retries: 6, retry_timeout: Duration::from_secs(30), ..Default::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOW_HTTP: AmazonS3ConfigKey = AmazonS3ConfigKey::Client(ClientConfigKey::AllowHttp);

    /// The builder as `from_env` makes it of these variables.
    fn from_vars(vars: &[(&str, &str)]) -> AmazonS3Builder {
        let builder = vars.iter().fold(AmazonS3Builder::new(), |builder, (key, value)| {
            builder.with_config(key.to_ascii_lowercase().parse().unwrap(), *value)
        });
        complete_s3(builder, "bucket")
    }

    #[test]
    fn a_plain_http_endpoint_allows_http_and_has_a_region() {
        let builder = from_vars(&[("AWS_ENDPOINT_URL", "http://127.0.0.1:9000")]);
        assert_eq!(builder.get_config_value(&ALLOW_HTTP).as_deref(), Some("true"));
        assert_eq!(
            builder.get_config_value(&AmazonS3ConfigKey::Region).as_deref(),
            Some("us-east-1")
        );
        assert_eq!(builder.get_config_value(&AmazonS3ConfigKey::Bucket).as_deref(), Some("bucket"));
    }

    #[test]
    fn the_s3_only_endpoint_variable_counts_too() {
        let builder = from_vars(&[("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")]);
        assert_eq!(builder.get_config_value(&ALLOW_HTTP).as_deref(), Some("true"));
    }

    #[test]
    fn a_region_of_the_environment_is_kept() {
        let builder =
            from_vars(&[("AWS_ENDPOINT_URL", "https://s3.local"), ("AWS_REGION", "eu-1")]);
        assert_eq!(builder.get_config_value(&AmazonS3ConfigKey::Region).as_deref(), Some("eu-1"));
        assert_ne!(builder.get_config_value(&ALLOW_HTTP).as_deref(), Some("true"));
    }

    #[test]
    fn every_scheme_can_be_registered_and_found_by_plans() {
        let runtime = RuntimeEnv::default();
        for text in ["s3://bucket/x", "https://host/x.parquet"] {
            let location: DataLocation = text.parse().unwrap();
            register_object_store(&runtime, &location).unwrap();
            assert!(runtime.object_store(location.store_url()).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_store_registered_before_is_kept() {
        let runtime = RuntimeEnv::default();
        let location: DataLocation = "s3://bucket/x".parse().unwrap();
        let first = register_object_store(&runtime, &location).unwrap();
        let second = register_object_store(&runtime, &"s3://bucket/y".parse().unwrap()).unwrap();
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn an_azure_location_without_account_is_refused_by_name() {
        let location: DataLocation = "az://container/x".parse().unwrap();
        // Whoever runs the tests may have an account in the environment.
        if std::env::vars_os().any(|(key, _)| key.to_string_lossy().starts_with("AZURE_")) {
            return;
        }
        let error = register_object_store(&RuntimeEnv::default(), &location).unwrap_err();
        assert!(error.to_string().starts_with("data location 'az://container/x': "), "{error}");
    }
}
