//! How long what is stored stays: the policies, what each class holds, what would go now and what is held
//! back. They are changed in place, after a look at what would go then.

use std::time::Duration;

use leptos::prelude::*;
use timberline_proto::api::retention::{
    HeldBack, Policy, PolicySource, PreviewAnswer, Removal, RetentionAnswer, Stored,
};

use super::{holds::Holds, policies::Editor};
use crate::{
    components::pipeline::{ago, skeleton, spoken},
    model::{app::App, retention::Retained},
    text::number,
};

/// How often it is asked again while it is in sight and nobody changes it.
const REFRESH_INTERVAL: Duration = Duration::from_secs(10);

/// The part.
#[component]
pub(super) fn Retention() -> impl IntoView {
    let app = App::get();
    let keeping = app.keeping;
    if let Ok(timer) = set_interval_with_handle(
        move || {
            if keeping.typed.with_untracked(Option::is_none) && !document().hidden() {
                keeping.ask();
            }
        },
        REFRESH_INTERVAL,
    ) {
        on_cleanup(move || timer.clear());
    }
    on_cleanup(move || keeping.end());
    let waits = Memo::new(move |_| keeping.retained.with(Option::is_none));
    let part = move |draw: fn(App, &Retained) -> AnyView| {
        move || {
            keeping
                .retained
                .with(|retained| retained.as_ref().map(|retained| draw(app, retained)))
        }
    };
    move || {
        match (waits.get(), keeping.failed.get()) {
        (true, Some(error)) => view! { <p class="bad" role="alert">{error.message}</p> }.into_any(),
        (true, None) => skeleton().into_any(),
        (false, _) => view! {
            {move || match keeping.typed.with(Option::is_some) {
                true => view! { <Editor/> }.into_any(),
                false => view! {
                    {part(|app, retained| policies(app, &retained.state).into_any())}
                    {part(|app, retained| preview(app, &retained.preview).into_any())}
                }
                .into_any(),
            }}
            {move || keeping.error.get().map(|error| view! { <p class="bad set-note" role="alert">{in_words(&error.message)}</p> })}
            <Holds/>
        }
        .into_any(),
    }
    }
}

/// A fault as the page counts: `policies[0].name: …` is of the first policy.
fn in_words(message: &str) -> String {
    let said = message.strip_prefix("policies[").and_then(|rest| {
        let (at, rest) = rest.split_once(']')?;
        let (key, what) = rest.strip_prefix('.')?.split_once(':')?;
        Some(format!("Policy {}, {key}:{what}", at.parse::<usize>().ok()? + 1))
    });
    said.unwrap_or_else(|| message.to_owned())
}

fn policies(app: App, state: &RetentionAnswer) -> impl IntoView + use<> {
    let source = match state.source {
        PolicySource::File => "of the configuration's file",
        PolicySource::Set => "set by page, API or command line; the configuration's are passed over",
    };
    let (begun, source_is, at_version) = (state.clone(), state.source, state.version);
    let version = format!("Version {}, {source}, since ", state.version);
    let rows: Vec<_> = state
        .set
        .policies
        .iter()
        .map(|policy| {
            let class = state.classes.iter().find(|class| class.class == policy.name);
            policy_row(app, policy, class.map(|class| class.stored.clone()).unwrap_or_default())
        })
        .collect();
    let disk = state.set.disk_used_percent_max.map(|percent| {
        let used = state.disk.map(|disk| number::share(disk.used_bytes, disk.bytes));
        let used = used.map(|used| format!(" {used} of it are used.")).unwrap_or_default();
        format!("While the file system is fuller than {percent} %, the oldest splits go, those of the last policy first.{used}")
    });
    let mixed = (state.mixed.splits > 0).then(|| {
        format!(
            "{} in {} splits stand with streams of another class: they are divided in the background, and until then the longest age decides.",
            number::bytes(state.mixed.file_bytes),
            number::grouped(state.mixed.splits)
        )
    });
    view! {
        {state.stuck.clone().map(|why| view! { <p class="bad" role="alert">{format!("No room can be made: {why}")}</p> })}
        <h2 class="set-head">"Policies"</h2>
        <p class="set-note">{version}{ago(app, &state.since)}". The first that selects a stream decides."</p>
        <div class="set-wide" tabindex="0" role="group" aria-label="What is stored"><table class="rows wide">
            <thead><tr>
                {head("Policy")}{head("Streams")}{head("Deleted after")}{head("At most")}{head("Nobody deletes before")}
                {number_head("Splits")}{number_head("Lines")}{number_head("On disk")}{head("Oldest")}
            </tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        <div class="set-tools needs-store">
            <button class="button" on:click=move |_| app.keeping.begin(&begun)>"Change"</button>
            {(source_is == PolicySource::Set).then(|| view! {
                <button class="button" on:click=move |_| app.keeping.reset(at_version)>"Use the configuration's"</button>
            })}
        </div>
        {disk.map(|text| view! { <p class="set-note">{text}</p> })}
        {mixed.map(|text| view! { <p class="set-note">{text}</p> })}
    }
}

fn policy_row(app: App, policy: &Policy, stored: Stored) -> impl IntoView + use<> {
    let seconds = |seconds: Option<u64>| seconds.map(|seconds| spoken(seconds as i64 * 1_000));
    let select = match policy.select.is_empty() {
        true => view! { <td>"all others"</td> }.into_any(),
        false => view! { <td class="mono">{policy.select.clone()}</td> }.into_any(),
    };
    let most: Vec<String> = [
        policy.bytes.map(number::bytes),
        policy.disk_percent.map(|percent| format!("{percent} % of the disk")),
    ]
    .into_iter()
    .flatten()
    .collect();
    view! {
        <tr>
            <td title=policy.note.clone()>{policy.name.clone()}</td>
            {select}
            <td>{seconds(policy.age_seconds).unwrap_or_else(|| "never".to_owned())}</td>
            <td>{most.join(", ")}</td>
            <td>{seconds(policy.minimum_seconds)}</td>
            <td class="number">{number::grouped(stored.splits)}</td>
            <td class="number">{number::grouped(stored.records)}</td>
            <td class="number">{number::bytes(stored.file_bytes)}</td>
            <td>{(!stored.oldest.is_empty()).then(|| ago(app, &stored.oldest))}</td>
        </tr>
    }
}

pub(super) fn preview(app: App, preview: &PreviewAnswer) -> impl IntoView + use<> {
    let removed = &preview.removed;
    let says = match removed.splits {
        0 => "Nothing would be removed now.".to_owned(),
        _ => format!(
            "{} would be removed, {} lines of {} streams, the oldest first.",
            number::bytes(removed.file_bytes),
            number::grouped(removed.records),
            number::grouped(removed.streams)
        ),
    };
    let title = preview.streams.join("\n");
    let removals = preview
        .removals
        .iter()
        .map(|removal| removal_row(app, removal))
        .collect_view();
    let held = preview.held_back.iter().map(|held| held_row(app, held)).collect_view();
    let has_rows = !preview.removals.is_empty() || !preview.held_back.is_empty();
    view! {
        <h2 class="set-head">"What would go"</h2>
        <p class="set-note" title=title>{says}</p>
        {has_rows.then(|| view! {
            <div class="set-wide" tabindex="0" role="group" aria-label="What is stored"><table class="rows wide">
                <thead><tr>
                    {head("What becomes of it")}{head("Why")}
                    {number_head("Splits")}{number_head("Lines")}{number_head("On disk")}{head("Oldest")}
                </tr></thead>
                <tbody>{removals}{held}</tbody>
            </table></div>
        })}
    }
}

fn removal_row(app: App, removal: &Removal) -> impl IntoView + use<> {
    view! { <tr><td>"goes"</td><td>{removal.reason.clone()}</td>{sums(app, &removal.stored)}</tr> }
}

fn held_row(app: App, held: &HeldBack) -> impl IntoView + use<> {
    let title = held
        .until
        .clone()
        .map(|until| format!("Until {until}"))
        .unwrap_or_default();
    view! { <tr title=title><td>"stays"</td><td>{held.reason.clone()}</td>{sums(app, &held.stored)}</tr> }
}

/// Splits, lines, bytes and the oldest.
pub(super) fn sums(app: App, stored: &Stored) -> impl IntoView + use<> {
    view! {
        <td class="number">{number::grouped(stored.splits)}</td>
        <td class="number">{number::grouped(stored.records)}</td>
        <td class="number">{number::bytes(stored.file_bytes)}</td>
        <td>{(!stored.oldest.is_empty()).then(|| ago(app, &stored.oldest))}</td>
    }
}

pub(super) fn head(word: &'static str) -> impl IntoView {
    view! { <th scope="col"><span class="table-head">{word}</span></th> }
}

pub(super) fn number_head(word: &'static str) -> impl IntoView {
    view! { <th scope="col" class="number"><span class="table-head">{word}</span></th> }
}

#[cfg(test)]
mod tests {
    use super::in_words;

    #[test]
    fn a_fault_names_the_policy_as_people_count() {
        assert_eq!(
            in_words("policies[0].name: \"\" is no name"),
            "Policy 1, name: \"\" is no name"
        );
        assert_eq!(in_words("version 3 is gone"), "version 3 is gone");
    }
}
