//! Customers and their orders, some of them broken.

use std::error::Error;
use std::time::Duration;

use kafka_client::producer::{Producer, Record};
use serde::{Deserialize, Serialize};

/// A customer, written as JSON under the customer's number.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Customer {
    /// The name.
    pub name: String,
}

/// An order, written as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Order {
    /// The customer's number, such as `c-7`.
    pub customer: String,
    /// How many.
    pub apples: u64,
}

/// The name that a customer has in the end: each fifth has changed it, and each tenth is no customer any more.
pub fn name(customer: u64) -> Option<String> {
    match customer {
        n if n % 10 == 9 => None,
        n if n % 5 == 3 => Some(format!("New name {n}")),
        n => Some(format!("Name {n}")),
    }
}

/// Writes so many customers, each under the name of the beginning and then as [`name`] has it.
///
/// # Errors
/// When not all of it was written.
pub async fn write_customers(
    servers: &str,
    topic: &str,
    customers: u64,
) -> Result<(), Box<dyn Error>> {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    for n in 0..customers {
        let key = format!("c-{n}");
        for name in [Some(format!("Name {n}")), name(n)] {
            let json = name.map(|name| serde_json::to_vec(&Customer { name }));
            let json = json.transpose()?;
            let record = Record {
                value: json.as_deref(),
                ..Record::to(topic).key(&key)
            };
            drop(producer.send(record).await?);
        }
    }
    producer.flush().await?;
    Ok(producer.close(Duration::from_secs(10)).await?)
}

/// Writes so many orders. Returns how many of them cannot be read: one in a hundred.
///
/// # Errors
/// When not all of them were written.
pub async fn write_orders(
    servers: &str,
    topic: &str,
    orders: u64,
    customers: u64,
) -> Result<usize, Box<dyn Error>> {
    let producer = Producer::builder()
        .bootstrap_servers(servers)
        .build()
        .await?;
    let mut broken = 0;
    for n in 0..orders {
        // Some are of customers that never were.
        let customer = format!("c-{}", n % customers.saturating_add(3));
        let apples = n % 7 + 1;
        let value = match n % 200 {
            77 => format!(r#"{{"customer":"{customer}"}}"#),
            177 => format!("{apples} apples for {customer}"),
            _ => serde_json::to_string(&Order {
                customer: customer.clone(),
                apples,
            })?,
        };
        broken += usize::from(n % 100 == 77);
        let record = Record::to(topic).key(&customer).value(&value);
        drop(producer.send(record).await?);
    }
    producer.flush().await?;
    producer.close(Duration::from_secs(10)).await?;
    Ok(broken)
}
