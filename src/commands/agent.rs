//! `timberline agent`, `timberline agent --stdin`, `timberline agent test`

use anyhow::Context;
use timberline_agent::Agent;
use tokio::runtime::Builder;

use super::banner;
use crate::cli::{AgentAction, AgentArgs, RoleArgs};
use crate::config::Config;
use crate::data_dir::DataDir;
use crate::{logging, pushed, renew, shutdown};

mod test;

pub(super) fn run(args: &AgentArgs) -> anyhow::Result<()> {
    match &args.action {
        None => ship(&args.role, args.stdin),
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

fn ship(args: &RoleArgs, stdin: bool) -> anyhow::Result<()> {
    let mut config = Config::for_role(args)?;
    if stdin {
        config.agent.stdin.get_or_insert_default().exit_at_end = true;
    }
    logging::start(&config.log)?;
    let data = DataDir::open(&config.data, &["agent"])?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    runtime.block_on(async {
        let agent_config = config.agent_config(&config.collector_of("agent", &data), data.role("agent"));
        let endpoint = agent_config.endpoint.clone();
        let stop = shutdown::token()?;
        tokio::spawn(renew::keep(endpoint.clone(), agent_config.credentials(), stop.clone()));
        let announce = |tails: &[String], agent: &Agent| {
            let mut lines = vec![
                ("ships to".to_owned(), endpoint.clone()),
                ("tails".to_owned(), tails.join(" ")),
            ];
            lines.extend(super::receive::announced(agent.addresses()));
            lines.push(("data".to_owned(), data.path().display().to_string()));
            banner::print(&lines)
        };
        // A pipe is read by one agent from its beginning to its end.
        if config.agent.take_pushed && config.agent.stdin.is_none() && endpoint.starts_with("https://") {
            return pushed::run(&config, &data, &endpoint, announce, stop).await;
        }
        let tails = agent_config.tail.clone();
        let agent = Agent::open(agent_config)?;
        announce(&tails, &agent)?;
        agent.run(stop).await?;
        Ok(())
    })
}
