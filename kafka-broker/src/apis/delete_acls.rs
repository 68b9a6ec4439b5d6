//! DeleteAcls: allows or denies no more.

use kafka_proto::messages::delete_acls::{
    DeleteAclsFilter, DeleteAclsFilterResult, DeleteAclsMatchingAcl,
};
use kafka_proto::messages::{DeleteAclsRequest, DeleteAclsResponse};

use super::describe_acls::{authorization, unknown_in_filter};
use crate::authorizer::{Acl, AclFilter, Authorization, Operation, ResourcePattern};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(call: &Call<'_>, request: DeleteAclsRequest) -> DeleteAclsResponse {
    let authorization = authorization(call, Operation::Alter);
    let results = request.filters.into_iter().map(|filter| {
        let deleted = match &authorization {
            Ok(authorization) => delete(authorization, filter),
            Err(refusal) => Err(refusal.clone()),
        };
        match deleted {
            Ok(matching_acls) => DeleteAclsFilterResult {
                error_message: None,
                matching_acls,
                ..Default::default()
            },
            Err(refusal) => DeleteAclsFilterResult {
                error_code: refusal.error.code(),
                error_message: Some(refusal.message.into()),
                ..Default::default()
            },
        }
    });
    DeleteAclsResponse {
        filter_results: results.collect(),
        ..Default::default()
    }
}

fn delete(
    authorization: &Authorization,
    filter: DeleteAclsFilter,
) -> Result<Vec<DeleteAclsMatchingAcl>, Refusal> {
    let filter = AclFilter::read(
        (
            filter.resource_type_filter,
            filter.resource_name_filter,
            filter.pattern_type_filter,
        ),
        (filter.principal_filter, filter.host_filter),
        (filter.operation, filter.permission_type),
    );
    let filter = filter.ok_or_else(unknown_in_filter)?;
    let deleted = authorization.acls.delete(&filter).into_iter();
    Ok(deleted.map(matching).collect())
}

fn matching((pattern, acl): (ResourcePattern, Acl)) -> DeleteAclsMatchingAcl {
    tracing::info!(?pattern, ?acl, "ACL deleted");
    DeleteAclsMatchingAcl {
        error_message: None,
        resource_type: pattern.resource_type as i8,
        resource_name: pattern.name,
        pattern_type: pattern.pattern_type as i8,
        principal: acl.principal,
        host: acl.host,
        operation: acl.operation as i8,
        permission_type: acl.permission as i8,
        ..Default::default()
    }
}
