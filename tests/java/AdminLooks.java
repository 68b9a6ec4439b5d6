import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;

import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.QuorumInfo;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.common.TopicCollection;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.security.token.delegation.DelegationToken;

/**
 * Prints what Java's admin client sees of a cluster, a line for each question.
 *
 * Arguments: bootstrap servers, "-" or USER:PASSWORD for SASL PLAIN, then the questions.
 */
public class AdminLooks {
    private static String topic(TopicDescription topic) {
        List<String> partitions = new ArrayList<>();
        topic.partitions().forEach(partition -> {
            List<Integer> replicas = partition.replicas().stream().map(node -> node.id()).toList();
            int elr = partition.elr() == null ? -1 : partition.elr().size();
            partitions.add(partition.partition() + "@" + partition.leader().id() + replicas + "elr" + elr);
        });
        return topic.name() + " " + topic.topicId() + " " + partitions;
    }

    private static String answer(Admin admin, String[] question) throws Exception {
        switch (question[0]) {
            case "scram": {
                TreeMap<String, Integer> mechanisms = new TreeMap<>();
                List<String> user = List.of(question[1]);
                for (ScramCredentialInfo info : admin.describeUserScramCredentials(user).description(question[1]).get().credentialInfos()) {
                    mechanisms.put(info.mechanism().mechanismName(), info.iterations());
                }
                return mechanisms.toString();
            }
            case "token":
                for (DelegationToken token : admin.describeDelegationToken().delegationTokens().get()) {
                    if (token.tokenInfo().tokenId().equals(question[1])) {
                        return token.tokenInfo().ownerAsString() + " " + token.tokenInfo().renewersAsString()
                            + " " + token.tokenInfo().expiryTimestamp() + " " + token.hmacAsBase64String();
                    }
                }
                return "no token";
            case "topic":
                return topic(admin.describeTopics(Set.of(question[1])).allTopicNames().get().get(question[1]));
            case "topic-id": {
                Uuid id = Uuid.fromString(question[1]);
                return topic(admin.describeTopics(TopicCollection.ofTopicIds(Set.of(id))).allTopicIds().get().get(id));
            }
            case "share-group":
                return admin.describeShareGroups(Set.of(question[1])).all().get().get(question[1]).groupState().toString();
            case "share-offsets": {
                TreeMap<String, Long> offsets = new TreeMap<>();
                admin.listShareGroupOffsets(Map.of(question[1], new ListShareGroupOffsetsSpec())).partitionsToOffsetInfo(question[1])
                    .get().forEach((partition, offset) -> offsets.put(partition.toString(), offset == null ? null : offset.startOffset()));
                return offsets.toString();
            }
            case "group-offsets": {
                TreeMap<String, Long> offsets = new TreeMap<>();
                admin.listConsumerGroupOffsets(Map.of(question[1], new ListConsumerGroupOffsetsSpec())).partitionsToOffsetAndMetadata(question[1])
                    .get().forEach((partition, offset) -> offsets.put(partition.toString(), offset.offset()));
                return offsets.toString();
            }
            case "log-dir": {
                TopicPartitionReplica replica = new TopicPartitionReplica(question[1], Integer.parseInt(question[2]), Integer.parseInt(question[3]));
                return admin.describeReplicaLogDirs(Set.of(replica)).all().get().get(replica).getCurrentReplicaLogDir();
            }
            case "max-timestamp": {
                TopicPartition partition = new TopicPartition(question[1], Integer.parseInt(question[2]));
                var found = admin.listOffsets(Map.of(partition, OffsetSpec.maxTimestamp())).partitionResult(partition).get();
                return found.offset() + "@" + found.timestamp();
            }
            case "voters": {
                TreeSet<Integer> voters = new TreeSet<>();
                QuorumInfo quorum = admin.describeMetadataQuorum().quorumInfo().get();
                quorum.voters().forEach(voter -> voters.add(voter.replicaId()));
                return voters.toString() + " of " + new TreeSet<>(quorum.nodes().keySet());
            }
            case "acls":
                return String.valueOf(admin.describeAcls(AclBindingFilter.ANY).values().get().size());
            default:
                throw new IllegalArgumentException(question[0]);
        }
    }

    public static void main(String[] args) throws Exception {
        Properties settings = new Properties();
        settings.put("bootstrap.servers", args[0]);
        if (!args[1].equals("-")) {
            String[] user = args[1].split(":", 2);
            settings.put("security.protocol", "SASL_PLAINTEXT");
            settings.put("sasl.mechanism", "PLAIN");
            settings.put("sasl.jaas.config", "org.apache.kafka.common.security.plain.PlainLoginModule required username=\""
                + user[0] + "\" password=\"" + user[1] + "\";");
        }
        try (Admin admin = Admin.create(settings)) {
            for (int i = 2; i < args.length; i++) {
                String answer;
                try {
                    answer = answer(admin, args[i].split(" "));
                } catch (ExecutionException e) {
                    answer = e.getCause().getClass().getSimpleName();
                }
                System.out.println(answer);
            }
        }
    }
}
