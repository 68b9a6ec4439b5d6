use super::*;

const USER: &str = "user";
const CLIENT: &str = "client-id";

fn entity(parts: &[(&str, Option<&str>)]) -> Entity {
    let parts: Vec<_> = parts
        .iter()
        .map(|(kind, name)| (*kind, name.map(ByteString::from)))
        .collect();
    Entity::read(parts.iter().map(|(kind, name)| (*kind, name.as_ref()))).unwrap()
}

fn set(quotas: &Quotas, parts: &[(&str, Option<&str>)], quota: Quota, value: f64) {
    let change = [(ByteString::from(quota.name()), Some(value))];
    quotas.alter(&entity(parts), &change, false).unwrap();
}

fn client<'a>(user: &'a str, client_id: &'a str) -> QuotaSubject<'a> {
    QuotaSubject { user, client_id }
}

#[test]
fn the_most_particular_quota_holds_and_users_go_before_clients() {
    let all: [&[(&str, Option<&str>)]; 8] = [
        &[(CLIENT, None)],
        &[(CLIENT, Some("c"))],
        &[(USER, None)],
        &[(USER, None), (CLIENT, None)],
        &[(USER, None), (CLIENT, Some("c"))],
        &[(USER, Some("u"))],
        &[(USER, Some("u")), (CLIENT, None)],
        &[(USER, Some("u")), (CLIENT, Some("c"))],
    ];
    let quotas = Quotas::default();
    for (parts, limit) in all.iter().zip(1..) {
        set(&quotas, parts, Quota::ProducerByteRate, f64::from(limit));
        let held = lock(&quotas.state)
            .limit(Quota::ProducerByteRate, client("u", "c"))
            .unwrap();
        assert_eq!(held.0, f64::from(limit), "{parts:?}");
    }
    let state = lock(&quotas.state);
    let held = |user, client_id| {
        let (limit, key) = state
            .limit(Quota::ProducerByteRate, client(user, client_id))
            .unwrap();
        (limit, key.user, key.client_id)
    };
    let own = |name: &str| name.to_owned();
    assert_eq!(held("u", "other"), (7.0, own("u"), own("other")));
    assert_eq!(held("other", "c"), (5.0, own("other"), own("c")));
    assert_eq!(held("other", "other"), (4.0, own("other"), own("other")));
    assert!(
        state
            .limit(Quota::ConsumerByteRate, client("u", "c"))
            .is_none()
    );
}

#[test]
fn clients_of_a_user_share_what_the_user_may_use() {
    let quotas = Quotas::default();
    set(
        &quotas,
        &[(USER, Some("u"))],
        Quota::ProducerByteRate,
        100.0,
    );
    let now = Instant::now();
    let write = |client_id, bytes| {
        quotas.bytes(Quota::ProducerByteRate, client("u", client_id), bytes, now)
    };
    assert_eq!(write("a", 1000), Duration::ZERO);
    // 2,000 bytes over ten windows are 200 bytes a second: it takes ten seconds more until they are 100.
    assert_eq!(write("b", 1000), Duration::from_secs(10));
    let other = quotas.bytes(Quota::ProducerByteRate, client("v", "a"), 1 << 30, now);
    assert_eq!(other, Duration::ZERO);
}

#[test]
fn who_waits_as_told_stays_within_the_quota() {
    let quotas = Quotas::default();
    set(&quotas, &[(CLIENT, None)], Quota::ConsumerByteRate, 1000.0);
    let start = Instant::now();
    let (mut now, mut total) = (start, 0);
    while now < start + Duration::from_secs(300) {
        total += 700;
        now += Duration::from_millis(50)
            + quotas.bytes(Quota::ConsumerByteRate, client("u", "c"), 700, now);
    }
    let rate = f64::from(total) / now.duration_since(start).as_secs_f64();
    assert!((900.0..1100.0).contains(&rate), "{rate}");
    assert_eq!(quotas.fetch_limit(client("u", "c")), Some(10_000));
}

#[test]
fn without_a_quota_nothing_is_counted() {
    let quotas = Quotas::default();
    let now = Instant::now();
    set(
        &quotas,
        &[(CLIENT, Some("c"))],
        Quota::ProducerByteRate,
        1.0,
    );
    assert!(
        !quotas
            .bytes(Quota::ProducerByteRate, client("u", "c"), 1000, now)
            .is_zero()
    );
    let gone = [(ByteString::from("producer_byte_rate"), None)];
    quotas
        .alter(&entity(&[(CLIENT, Some("c"))]), &gone, false)
        .unwrap();
    assert!(!quotas.is_limiting());
    assert_eq!(
        quotas.bytes(Quota::ProducerByteRate, client("u", "c"), 1000, now),
        Duration::ZERO
    );
    assert!(lock(&quotas.state).rates.is_empty());
}

#[test]
fn changes_to_topics_draw_on_tokens_that_come_back() {
    let quotas = Quotas::default();
    set(&quotas, &[(USER, None)], Quota::ControllerMutationRate, 2.0);
    let now = Instant::now();
    let take =
        |partitions, is_strict, now| quotas.mutation(client("u", "c"), partitions, is_strict, now);
    // 22 tokens at the start. Who has some may take more than there are, once.
    assert_eq!(take(21, true, now), Ok(Duration::ZERO));
    assert_eq!(take(5, true, now), Ok(Duration::ZERO));
    assert_eq!(take(1, true, now), Err(Duration::from_secs(2)));
    assert_eq!(take(2, false, now), Ok(Duration::from_secs(3)));
    let later = now + Duration::from_secs(3);
    assert_eq!(take(1, true, later), Ok(Duration::ZERO));
}

#[test]
fn time_and_connections_are_limited_too() {
    let quotas = Quotas::default();
    let now = Instant::now();
    set(&quotas, &[(USER, None)], Quota::RequestPercentage, 1.0);
    let took = quotas.time(client("u", "c"), Duration::from_millis(50), now);
    assert_eq!(took, Duration::ZERO);
    let took = quotas.time(client("u", "c"), Duration::from_secs(9), now);
    assert_eq!(took, MAX_REQUEST_THROTTLE);
    set(
        &quotas,
        &[("ip", Some("10.0.0.1"))],
        Quota::ConnectionCreationRate,
        1.0,
    );
    let wait = (0..20).map(|_| quotas.connection("10.0.0.1", now)).max();
    assert_eq!(wait, Some(Duration::from_secs(10)));
    assert_eq!(quotas.connection("10.0.0.2", now), Duration::ZERO);
}

#[test]
fn what_makes_no_sense_is_refused_in_kafkas_words() {
    let quotas = Quotas::default();
    let message = |parts: &[(&str, Option<&str>)], name: &str, value: f64| {
        let parts: Vec<_> = parts
            .iter()
            .map(|(kind, name)| (*kind, name.map(ByteString::from)))
            .collect();
        let entity = Entity::read(parts.iter().map(|(kind, name)| (*kind, name.as_ref())));
        let altered =
            entity.and_then(|entity| quotas.alter(&entity, &[(name.into(), Some(value))], true));
        altered.unwrap_err().message
    };
    for (parts, name, value, expected) in [
        (
            &[(USER, Some("u"))][..],
            "nope",
            1.0,
            "Invalid configuration key nope",
        ),
        (
            &[(USER, Some("u"))],
            "producer_byte_rate",
            0.0,
            "Quota producer_byte_rate must be greater than 0",
        ),
        (
            &[(USER, Some("u"))],
            "producer_byte_rate",
            1.5,
            "producer_byte_rate cannot be a fractional value.",
        ),
        (
            &[(USER, Some("u"))],
            "connection_creation_rate",
            1.0,
            "Invalid configuration key connection_creation_rate",
        ),
        (
            &[("nope", None)],
            "x",
            1.0,
            "Unhandled client quota entity type: nope",
        ),
        (&[(USER, Some(""))], "x", 1.0, "Empty user not supported"),
        (&[], "x", 1.0, "Invalid empty client quota entity"),
        (
            &[("ip", Some("10.0.0.1")), (USER, None)],
            "x",
            1.0,
            "Invalid quota entity combination, IP entity should not be combined with User or ClientId",
        ),
    ] {
        assert_eq!(message(parts, name, value), expected);
    }
    assert!(!quotas.is_limiting());
}

#[test]
fn filters_find_entities_by_their_parts() {
    let quotas = Quotas::default();
    set(&quotas, &[(USER, Some("u"))], Quota::ProducerByteRate, 1.0);
    set(
        &quotas,
        &[(USER, None), (CLIENT, Some("c"))],
        Quota::ConsumerByteRate,
        2.0,
    );
    set(&quotas, &[("ip", None)], Quota::ConnectionCreationRate, 3.0);
    let count = |parts: &[(&str, i8, Option<&str>)], is_strict| {
        let parts = parts
            .iter()
            .map(|(kind, match_type, name)| ((*kind).into(), *match_type, name.map(Into::into)));
        quotas
            .describe(&Filter::read(parts, is_strict).unwrap())
            .len()
    };
    assert_eq!(count(&[], false), 3);
    assert_eq!(count(&[], true), 0);
    assert_eq!(count(&[(USER, 2, None)], false), 2);
    assert_eq!(count(&[(USER, 2, None)], true), 1);
    assert_eq!(count(&[(USER, 0, Some("u"))], false), 1);
    assert_eq!(count(&[(USER, 1, None), (CLIENT, 0, Some("c"))], true), 1);
    let refused = |parts: Vec<(&str, i8)>| {
        let parts = parts
            .into_iter()
            .map(|(kind, match_type)| (kind.into(), match_type, None));
        Filter::read(parts, false).unwrap_err().message
    };
    assert_eq!(refused(vec![("nope", 2)]), "Unsupported entity type nope");
    assert_eq!(
        refused(vec![(USER, 2), (USER, 1)]),
        "Entity type user cannot appear more than once in the filter."
    );
    assert!(refused(vec![(USER, 2), ("ip", 2)]).starts_with("Invalid entity filter component"));
}
