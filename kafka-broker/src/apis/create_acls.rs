//! CreateAcls: allows or denies.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::create_acls::{AclCreation, AclCreationResult};
use kafka_proto::messages::{CreateAclsRequest, CreateAclsResponse};

use super::describe_acls::authorization;
use crate::authorizer::{
    Acl, CLUSTER, Operation, PatternType, Permission, ResourcePattern, ResourceType,
};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(call: &Call<'_>, request: CreateAclsRequest) -> CreateAclsResponse {
    let authorization = authorization(call, Operation::Alter);
    let results = request.creations.into_iter().map(|creation| {
        let created = match &authorization {
            Ok(authorization) => read(creation).map(|(pattern, acl)| {
                tracing::info!(?pattern, ?acl, "ACL created");
                authorization.acls.add(pattern, acl);
            }),
            Err(refusal) => Err(refusal.clone()),
        };
        let refusal = created.err();
        AclCreationResult {
            error_code: refusal.as_ref().map_or(0, |refusal| refusal.error.code()),
            error_message: refusal.map(|refusal| refusal.message.into()),
            ..Default::default()
        }
    });
    CreateAclsResponse {
        results: results.collect(),
        ..Default::default()
    }
}

fn read(creation: AclCreation) -> Result<(ResourcePattern, Acl), Refusal> {
    let wrong = |message: String| Refusal::new(ErrorCode::InvalidRequest, message);
    let unknown = |what: &str, number: i8| wrong(format!("Invalid {what} {number}"));
    let name = creation.resource_name;
    let resource_type = ResourceType::numbered(creation.resource_type)
        .ok_or_else(|| unknown("resourceType", creation.resource_type))?;
    if resource_type == ResourceType::Cluster && *name != *CLUSTER {
        let message = format!("The only valid name for the CLUSTER resource is {CLUSTER}");
        return Err(wrong(message));
    }
    if name.is_empty() {
        return Err(wrong("Invalid empty resource name".to_owned()));
    }
    let pattern_type = PatternType::numbered(creation.resource_pattern_type)
        .ok_or_else(|| unknown("patternType", creation.resource_pattern_type))?;
    let operation = Operation::numbered(creation.operation)
        .ok_or_else(|| unknown("operation", creation.operation))?;
    let permission = Permission::numbered(creation.permission_type)
        .ok_or_else(|| unknown("permissionType", creation.permission_type))?;
    let principal = creation.principal;
    if !principal.contains(':') {
        return Err(wrong(format!(
            "Could not parse principal from `{principal}` (no colon is present separating the principal type from the principal name)"
        )));
    }
    let pattern = ResourcePattern {
        resource_type,
        pattern_type,
        name,
    };
    let acl = Acl {
        principal,
        host: creation.host,
        operation,
        permission,
    };
    Ok((pattern, acl))
}
