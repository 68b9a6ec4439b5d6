//! Who stands near what (KIP-881).

use std::collections::BTreeSet;

use super::GroupMember;

/// Whether looking at racks can change anything: not where nobody stands near any replica, and not where every partition
/// has a replica in every rack.
pub(super) fn matter<'a>(
    partitions: impl Iterator<Item = &'a Vec<String>>,
    members: &[&GroupMember],
) -> bool {
    let sets: Vec<BTreeSet<&String>> = partitions.map(|racks| racks.iter().collect()).collect();
    let all: BTreeSet<&String> = sets.iter().flatten().copied().collect();
    let any_near = members
        .iter()
        .filter_map(|member| member.rack.as_ref())
        .any(|rack| all.contains(rack));
    any_near && sets.iter().any(|racks| *racks != all)
}

/// Whether a partition with replicas in these racks is near the member. To one that does not say where it stands,
/// everything is.
pub(super) fn is_near(member: &GroupMember, racks: &[String]) -> bool {
    member.rack.as_ref().is_none_or(|rack| racks.contains(rack))
}
