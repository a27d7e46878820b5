//! Tables besides `logs`.
//!
//! | table | a row is |
//! |---|---|
//! | `splits` | a split of the catalog |
//! | `streams` | a stream ever stored |
//! | `fields` | a field of the newest records in the range of time |
//! | `agents` | a file of an agent, as the agent last reported it |
//! | `audit` | an act on data |
//! | a name of `[query.tables]` | a row of the file that the operator allows under it |
//!
//! A file of the name of one of ours is not seen.

mod builder;
mod catalog;
pub(crate) mod files;
mod parquet;

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::MemTable;

use super::lower::{Lowering, planned};
use super::{ReadError, Reader};
use builder::Builder;

/// Ours, with what they hold.
const OURS: [(&str, &str); 6] = [
    ("logs", "the records"),
    ("splits", "the splits that hold them"),
    ("streams", "the origins they come from"),
    ("fields", "the fields that the newest of them have"),
    ("agents", "the files of every agent, as last reported"),
    ("audit", "who did what to the data"),
];

/// The table of a name other than `logs`; `None` if there is none.
pub(crate) async fn named(
    lowering: &Lowering,
    reader: &Reader,
    name: &str,
) -> Result<Option<Arc<dyn TableProvider>>, ReadError> {
    match name {
        "fields" => {}
        "audit" => reader.limits.audit()?,
        other => reader.limits.refuse(&format!("the table {other}"))?,
    }
    let batch = match name {
        "splits" => catalog::splits(&lowering.view.snapshot)?,
        "streams" => catalog::streams(&lowering.view.snapshot)?,
        "agents" => catalog::agents(&reader.agents())?,
        "audit" => catalog::audit(reader).await?,
        "fields" => {
            let answer = reader.fields_within(lowering.range, &lowering.running).await?;
            catalog::fields(&answer.fields)?
        }
        _ => return files::table(&lowering.session, &lowering.files, name).await,
    };
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(planned)?;
    Ok(Some(Arc::new(table)))
}

/// The names of all tables.
pub(crate) fn names(lowering: &Lowering) -> Vec<String> {
    let ours = OURS.iter().map(|(name, _)| (*name).to_owned());
    ours.chain(lowering.files.keys().cloned()).collect()
}

/// What `SHOW TABLES` answers.
pub(crate) fn all(lowering: &Lowering) -> Result<DataFrame, ReadError> {
    let mut table = Builder::default();
    let holds = |name: &str| OURS.iter().find(|(known, _)| *known == name).map(|(_, holds)| *holds);
    let names = names(lowering);
    table.texts("table", names.iter().map(|name| Some(name.clone())));
    table.texts(
        "holds",
        names
            .iter()
            .map(|name| Some(holds(name).unwrap_or("a file that the operator allows").to_owned())),
    );
    lowering.session.read_batch(table.batch()?).map_err(planned)
}
