//! `timberline agent`, `timberline agent test`

use anyhow::Context;
use tokio::runtime::Builder;

use super::banner;
use crate::cli::{AgentAction, AgentArgs, RoleArgs};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::{logging, renew, shutdown};

mod test;

pub(super) fn run(args: &AgentArgs) -> anyhow::Result<()> {
    match &args.action {
        None => ship(&args.role),
        Some(AgentAction::Test {
            input,
            path,
            config,
            limit,
            json,
        }) => {
            let config = Config::for_role(&RoleArgs {
                config: config.clone(),
                ..RoleArgs::default()
            })?;
            test::run(&config, input, path.as_deref(), limit.unwrap_or(u64::MAX), *json)
        }
    }
}

fn ship(args: &RoleArgs) -> anyhow::Result<()> {
    let config = Config::for_role(args)?;
    logging::start(&config.log)?;
    let data = DataDir::open(&config.data, &["agent"])?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(async {
        let agent = config.agent_config(&config.collector_of("agent", &data), data.role("agent"));
        banner::print(&[
            ("ships to", agent.endpoint.clone()),
            ("tails", agent.tail.join(" ")),
            ("data", data.path().display().to_string()),
        ])?;
        let stop = shutdown::token()?;
        tokio::spawn(renew::keep(agent.endpoint.clone(), agent.credentials(), stop.clone()));
        timberline_agent::run(agent, stop).await?;
        Ok(())
    })
}
