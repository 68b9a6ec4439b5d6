use super::runtime::wait;
use crate::admin::{
    self, AdminBuilder, AlterConfig, ClusterDescription, ConfigEntry, ConfigResource, CreatedTopic,
    GroupDescription, GroupListing, ListGroups, NewPartitions, NewTopic, TopicDescription,
    TopicListing,
};
use crate::consumer::OffsetAndMetadata;
use crate::error::Result;
use crate::types::TopicPartition;

/// [`admin::Admin`] without async. A cheap handle.
///
/// The operations that are used most have methods here, and [`call`](Self::call) is for all others:
///
/// ```no_run
/// use kafka_client::blocking::Admin;
///
/// # fn main() -> kafka_client::Result<()> {
/// let admin = Admin::builder().bootstrap_servers("localhost:9092").build_blocking()?;
/// println!("{:?}", admin.list_topics()?);
/// println!("{:?}", admin.call(|admin| admin.describe_metadata_quorum())?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Admin(admin::Admin);

impl AdminBuilder {
    /// Connects to the cluster, for a program without async.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_blocking(self) -> Result<Admin> {
        wait(self.build()).map(Admin)
    }
}

impl Admin {
    /// Settings for a new admin client: [`build_blocking`](AdminBuilder::build_blocking) makes it.
    pub fn builder() -> AdminBuilder {
        admin::Admin::builder()
    }

    /// The admin client below.
    pub fn as_async(&self) -> &admin::Admin {
        &self.0
    }

    /// Carries out any operation of [`admin::Admin`], and waits for it.
    ///
    /// # Errors
    /// Those of the operation.
    pub fn call<'a, T, F>(&'a self, operation: impl FnOnce(&'a admin::Admin) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>> + 'a,
    {
        wait(operation(&self.0))
    }

    /// See [`admin::Admin::create_topics`].
    ///
    /// # Errors
    /// As there; each topic has a result of its own.
    pub fn create_topics(
        &self,
        topics: impl IntoIterator<Item = NewTopic>,
    ) -> Result<Vec<(String, Result<CreatedTopic>)>> {
        wait(self.0.create_topics(topics))
    }

    /// See [`admin::Admin::delete_topics`].
    ///
    /// # Errors
    /// As there; each topic has a result of its own.
    pub fn delete_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<()>)>> {
        wait(self.0.delete_topics(topics))
    }

    /// See [`admin::Admin::list_topics`].
    ///
    /// # Errors
    /// As there.
    pub fn list_topics(&self) -> Result<Vec<TopicListing>> {
        wait(self.0.list_topics())
    }

    /// See [`admin::Admin::describe_topics`].
    ///
    /// # Errors
    /// As there; each topic has a result of its own.
    pub fn describe_topics<T: AsRef<str>>(
        &self,
        topics: impl IntoIterator<Item = T>,
    ) -> Result<Vec<(String, Result<TopicDescription>)>> {
        wait(self.0.describe_topics(topics))
    }

    /// See [`admin::Admin::create_partitions`].
    ///
    /// # Errors
    /// As there; each topic has a result of its own.
    pub fn create_partitions<T: Into<String>>(
        &self,
        topics: impl IntoIterator<Item = (T, NewPartitions)>,
    ) -> Result<Vec<(String, Result<()>)>> {
        wait(self.0.create_partitions(topics))
    }

    /// See [`admin::Admin::describe_configs`].
    ///
    /// # Errors
    /// As there; each resource has a result of its own.
    pub fn describe_configs(
        &self,
        resources: impl IntoIterator<Item = ConfigResource>,
    ) -> Result<Vec<(ConfigResource, Result<Vec<ConfigEntry>>)>> {
        wait(self.0.describe_configs(resources))
    }

    /// See [`admin::Admin::incremental_alter_configs`].
    ///
    /// # Errors
    /// As there; each resource has a result of its own.
    pub fn incremental_alter_configs(
        &self,
        changes: impl IntoIterator<Item = (ConfigResource, Vec<AlterConfig>)>,
    ) -> Result<Vec<(ConfigResource, Result<()>)>> {
        wait(self.0.incremental_alter_configs(changes))
    }

    /// See [`admin::Admin::list_groups`].
    ///
    /// # Errors
    /// As there.
    pub fn list_groups(&self, wanted: ListGroups) -> Result<Vec<GroupListing>> {
        wait(self.0.list_groups(wanted))
    }

    /// See [`admin::Admin::describe_groups`].
    ///
    /// # Errors
    /// As there; each group has a result of its own.
    pub fn describe_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<GroupDescription>)>> {
        wait(self.0.describe_groups(groups))
    }

    /// See [`admin::Admin::delete_groups`].
    ///
    /// # Errors
    /// As there; each group has a result of its own.
    pub fn delete_groups<G: Into<String>>(
        &self,
        groups: impl IntoIterator<Item = G>,
    ) -> Result<Vec<(String, Result<()>)>> {
        wait(self.0.delete_groups(groups))
    }

    /// See [`admin::Admin::list_group_offsets`].
    ///
    /// # Errors
    /// As there; each partition has a result of its own.
    pub fn list_group_offsets(
        &self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
    ) -> Result<Vec<(TopicPartition, Result<Option<OffsetAndMetadata>>)>> {
        wait(self.0.list_group_offsets(group, partitions))
    }

    /// See [`admin::Admin::describe_cluster`].
    ///
    /// # Errors
    /// As there.
    pub fn describe_cluster(&self) -> Result<ClusterDescription> {
        wait(self.0.describe_cluster())
    }
}
