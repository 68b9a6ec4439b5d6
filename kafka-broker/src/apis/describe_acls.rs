//! DescribeAcls: what is allowed and denied.

use kafka_proto::error_code::ErrorCode;
use kafka_proto::messages::describe_acls::{AclDescription, DescribeAclsResource};
use kafka_proto::messages::{DescribeAclsRequest, DescribeAclsResponse};

use crate::authorizer::{Acl, AclFilter, Authorization, Operation, Resource, ResourcePattern};
use crate::node::Call;
use crate::refusal::Refusal;

pub(super) fn answer(call: &Call<'_>, request: DescribeAclsRequest) -> DescribeAclsResponse {
    match describe(call, request) {
        Ok(resources) => DescribeAclsResponse {
            error_message: None,
            resources,
            ..Default::default()
        },
        Err(refusal) => DescribeAclsResponse {
            error_code: refusal.error.code(),
            error_message: Some(refusal.message.into()),
            ..Default::default()
        },
    }
}

fn describe(
    call: &Call<'_>,
    request: DescribeAclsRequest,
) -> Result<Vec<DescribeAclsResource>, Refusal> {
    let authorization = authorization(call, Operation::Describe)?;
    let filter = AclFilter::read(
        (
            request.resource_type_filter,
            request.resource_name_filter,
            request.pattern_type_filter,
        ),
        (request.principal_filter, request.host_filter),
        (request.operation, request.permission_type),
    );
    let filter = filter.ok_or_else(unknown_in_filter)?;
    let resources = authorization.acls.matching(&filter).into_iter();
    Ok(resources.map(described).collect())
}

fn described((pattern, acls): (ResourcePattern, Vec<Acl>)) -> DescribeAclsResource {
    let acls = acls.into_iter().map(|acl| AclDescription {
        principal: acl.principal,
        host: acl.host,
        operation: acl.operation as i8,
        permission_type: acl.permission as i8,
        ..Default::default()
    });
    DescribeAclsResource {
        resource_type: pattern.resource_type as i8,
        resource_name: pattern.name,
        pattern_type: pattern.pattern_type as i8,
        acls: acls.collect(),
        ..Default::default()
    }
}

/// A filter asks for what there is not.
pub(super) fn unknown_in_filter() -> Refusal {
    let message = "the filter has an unknown type of resource, pattern, operation or permission";
    Refusal::new(ErrorCode::InvalidRequest, message)
}

/// The ACLs, if there are any, and the client may do this to the cluster.
pub(super) fn authorization<'a>(
    call: &'a Call<'_>,
    operation: Operation,
) -> Result<&'a Authorization, Refusal> {
    let authorization = call.cluster().authorization.as_ref();
    let authorization = authorization
        .ok_or_else(|| Refusal::new(ErrorCode::SecurityDisabled, "No Authorizer is configured."))?;
    call.check(operation, Resource::CLUSTER)?;
    Ok(authorization)
}
