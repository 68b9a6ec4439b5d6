//! Features: what the cluster has switched on, and switching it.

use std::collections::BTreeMap;

use kafka_proto::messages::update_features::FeatureUpdateKey;
use kafka_proto::messages::{
    ApiVersionsRequest, ApiVersionsResponse, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use super::Admin;
use super::asking::Operation;
use super::fan_out::To;
use crate::error::{Result, check, check_told};

/// From one version to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VersionRange {
    /// The first.
    pub min: i16,
    /// The last.
    pub max: i16,
}

/// The cluster's features, by name (KIP-584).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeatureMetadata {
    /// What is switched on: features at level 0 are not among them.
    pub finalized: BTreeMap<String, VersionRange>,
    /// Goes up with each change of them; `None` where the broker knows of none.
    pub finalized_epoch: Option<i64>,
    /// What the broker that was asked can do.
    pub supported: BTreeMap<String, VersionRange>,
}

/// A new level of a feature (KIP-778).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureUpdate {
    /// To a higher level.
    Upgrade(i16),
    /// To a lower level at which nothing is lost; 0 switches it off.
    SafeDowngrade(i16),
    /// To a lower level, even if the cluster forgets something; 0 switches it off.
    UnsafeDowngrade(i16),
}

impl Admin {
    /// What the cluster has switched on (KIP-584, `Admin.describeFeatures`). Cancel-safe.
    ///
    /// # Errors
    /// When no broker could be asked.
    pub async fn describe_features(&self) -> Result<FeatureMetadata> {
        self.features_of(To::Any).await
    }

    /// What a broker can do, and what it knows to be switched on (Java's `DescribeFeaturesOptions.nodeId`). Cancel-safe.
    ///
    /// # Errors
    /// When the broker could not be asked: `BROKER_NOT_AVAILABLE` if there is none with that id.
    pub async fn describe_features_of(&self, broker: i32) -> Result<FeatureMetadata> {
        self.features_of(To::Broker(broker)).await
    }

    async fn features_of(&self, to: To) -> Result<FeatureMetadata> {
        let make = |_| ApiVersionsRequest {
            client_software_name: "kafka-client-rust".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
            ..Default::default()
        };
        let describing = Operation::new("describing features");
        let answer = self
            .ask(describing, to, make, |answer: ApiVersionsResponse| {
                check(answer.error_code, || "features".to_owned())?;
                Ok(answer)
            })
            .await?;
        let finalized = answer.finalized_features.iter().map(|feature| {
            let (min, max) = (feature.min_version_level, feature.max_version_level);
            (feature.name.to_string(), VersionRange { min, max })
        });
        let supported = answer.supported_features.iter().map(|feature| {
            let (min, max) = (feature.min_version, feature.max_version);
            (feature.name.to_string(), VersionRange { min, max })
        });
        Ok(FeatureMetadata {
            finalized: finalized.collect(),
            finalized_epoch: Some(answer.finalized_features_epoch).filter(|epoch| *epoch >= 0),
            supported: supported.collect(),
        })
    }

    /// Switches features to other levels, all or none of them (KIP-584, `Admin.updateFeatures`). Cancel-safe, except that
    /// it may be done all the same.
    ///
    /// # Errors
    /// The controller's, with its own words on which feature does not go.
    pub async fn update_features<F: Into<String>>(
        &self,
        updates: impl IntoIterator<Item = (F, FeatureUpdate)>,
    ) -> Result<()> {
        self.update("updating features", updates, false).await
    }

    /// Says whether features could be switched to other levels, and changes nothing. Cancel-safe.
    ///
    /// # Errors
    /// As [`update_features`](Self::update_features).
    pub async fn validate_update_features<F: Into<String>>(
        &self,
        updates: impl IntoIterator<Item = (F, FeatureUpdate)>,
    ) -> Result<()> {
        self.update("validating features", updates, true).await
    }

    async fn update<F: Into<String>>(
        &self,
        what: &str,
        updates: impl IntoIterator<Item = (F, FeatureUpdate)>,
        validate_only: bool,
    ) -> Result<()> {
        let updates: Vec<FeatureUpdateKey> = updates
            .into_iter()
            .map(|(feature, update)| key(feature.into(), update))
            .collect();
        let timeout_ms = self.timeout_ms();
        let make = |version| {
            let mut request = UpdateFeaturesRequest {
                timeout_ms,
                feature_updates: updates.clone(),
                validate_only,
                ..Default::default()
            };
            if version == 0 {
                for update in &mut request.feature_updates {
                    update.allow_downgrade = update.upgrade_type > 1;
                    update.upgrade_type = 1;
                }
            }
            request
        };
        let updating = Operation::new(what).needing(1, validate_only);
        let read = |answer: UpdateFeaturesResponse| {
            let message = answer.error_message.as_deref();
            check_told(answer.error_code, message, || "features".to_owned())?;
            for result in &answer.results {
                let what = || format!("feature \"{}\"", result.feature);
                check_told(result.error_code, result.error_message.as_deref(), what)?;
            }
            Ok(())
        };
        self.ask(updating, To::Controller, make, read).await
    }
}

fn key(feature: String, update: FeatureUpdate) -> FeatureUpdateKey {
    let (max_version_level, upgrade_type) = match update {
        FeatureUpdate::Upgrade(level) => (level, 1),
        FeatureUpdate::SafeDowngrade(level) => (level, 2),
        FeatureUpdate::UnsafeDowngrade(level) => (level, 3),
    };
    FeatureUpdateKey {
        feature: feature.into(),
        max_version_level,
        upgrade_type,
        ..Default::default()
    }
}
