//! UpdateFeatures: sets the level of a feature (KIP-584). There is one: the protocol for transactions, which is decided on
//! when the brokers start.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::update_features::{FeatureUpdateKey, UpdatableFeatureResult};
use kafka_proto::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse};

use crate::authorizer::{Operation, Resource};
use crate::node::Call;
use crate::refusal::Refusal;
use crate::transactions::TransactionVersion;

/// How a level may change.
const UPGRADE: i8 = 1;
/// From this version on what is wrong with a feature is wrong with all.
const FIRST_VERSION_WITHOUT_RESULTS: i16 = 2;

pub(super) fn answer(call: &Call<'_>, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
    if let Err(error) = call.check(Operation::Alter, Resource::CLUSTER) {
        return UpdateFeaturesResponse {
            error_code: error.code(),
            error_message: Some(error.message().into()),
            ..Default::default()
        };
    }
    let updates = &request.feature_updates;
    let refusals: Vec<_> = updates
        .iter()
        .map(|update| check(call, update).err())
        .collect();
    let first = refusals.iter().flatten().next();
    let (error_code, error_message) = match first {
        Some(refusal) => (
            refusal.error.code(),
            Some(format!(
                "The update failed for all features since the following feature had an error: {}",
                refusal.message
            )),
        ),
        None => (0, None),
    };
    let mut response = UpdateFeaturesResponse {
        error_code,
        error_message: error_message.map(Into::into),
        ..Default::default()
    };
    if call.version < FIRST_VERSION_WITHOUT_RESULTS {
        let results = updates.iter().zip(refusals);
        response.results = results
            .map(|(update, refusal)| UpdatableFeatureResult {
                feature: update.feature.clone(),
                error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
                error_message: refusal.map(|refusal| refusal.message.into()),
                ..Default::default()
            })
            .collect();
    }
    response
}

fn check(call: &Call<'_>, update: &FeatureUpdateKey) -> Result<(), Refusal> {
    let (feature, level) = (&update.feature, update.max_version_level);
    let invalid = |reason: String| {
        Refusal::new(
            ErrorCode::InvalidUpdateVersion,
            format!("Invalid update version {level} for feature {feature}. {reason}"),
        )
    };
    let id = call.node.id;
    if feature != TransactionVersion::FEATURE {
        return Err(invalid(format!(
            "Local controller {id} does not support this feature."
        )));
    }
    let (current, max) = (
        call.cluster().settings.transaction_version.level(),
        TransactionVersion::V2.level(),
    );
    if !(0..=max).contains(&level) {
        return Err(invalid(format!(
            "Local controller {id} only supports versions 0-{max}"
        )));
    }
    let is_upgrade = update.upgrade_type == UPGRADE && !update.allow_downgrade;
    match level {
        level if level == current => Ok(()),
        level if level < current && is_upgrade => Err(invalid(
            "Can't downgrade the version of this feature without setting the upgrade type to either safe or unsafe \
             downgrade."
                .to_owned(),
        )),
        _ => Err(invalid(format!(
            "This broker's version was set to {current} when it was started, and stays."
        ))),
    }
}
