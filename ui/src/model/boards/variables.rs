//! What `$name` in a panel's query stands for, and what it could.

use leptos::{prelude::*, task::spawn_local};
use serde_json::Value;
use timberline_proto::{
    api::{
        FieldsRequest, Frame, QueryRequest,
        dashboards::{VALUES_MAX, Variable, VariableKind},
    },
    query::{Placed, place_values},
};
use web_sys::AbortController;

use super::Boards;
use crate::{
    api,
    model::{app::App, search::Bounds, view::View},
};

/// The value of a variable: chosen, else the dashboard's own. Empty: any.
pub(crate) fn value_of<'a>(variable: &'a Variable, view: &'a View) -> &'a str {
    view.variables.get(&variable.name).unwrap_or(&variable.value)
}

/// A query with the variables' values in their places.
pub(crate) fn filled(query: &str, variables: &[Variable], view: &View) -> String {
    place_values(query, |name| {
        let variable = variables.iter().find(|variable| variable.name == name)?;
        Some(match value_of(variable, view) {
            "" => Placed::Any,
            value => Placed::Value(value),
        })
    })
}

impl Boards {
    /// A panel's query as it is asked.
    pub(crate) fn filled(self, app: App, id: u32) -> Option<String> {
        self.opened.with(|opened| {
            let draft = &opened.as_ref()?.draft;
            let panel = draft.panels.iter().find(|panel| panel.id == id)?;
            Some(app.view.with(|view| filled(&panel.query, &draft.variables, view)))
        })
    }

    /// Asks what the variables could be.
    pub(super) fn ask_choices(self, app: App, bounds: Bounds) {
        let variables = self.opened.with_untracked(|opened| {
            opened
                .as_ref()
                .map_or_else(Vec::new, |opened| opened.draft.variables.clone())
        });
        let view = app.view.get_untracked();
        for variable in &variables {
            match variable.kind {
                VariableKind::Text => {}
                VariableKind::List => self.offer(&variable.name, variable.values.clone()),
                VariableKind::Field | VariableKind::Query => {
                    let query = filled(&variable.source, &variables, &view);
                    self.look_up(variable.clone(), query, bounds);
                }
            }
        }
    }

    fn offer(self, name: &str, values: Vec<String>) {
        self.choices
            .update(|choices| _ = choices.insert(name.to_owned(), values));
    }

    fn look_up(self, variable: Variable, query: String, bounds: Bounds) {
        let Ok(abort) = AbortController::new() else { return };
        let signal = abort.signal();
        let (from, to) = bounds.request_ends();
        self.gate().enter(move |pass| {
            spawn_local(async move {
                let _pass = pass;
                let values = match variable.kind {
                    VariableKind::Field => {
                        let request = FieldsRequest {
                            from,
                            to,
                            field: Some(variable.source.clone()),
                            values: Some(VALUES_MAX as u32),
                            ..FieldsRequest::default()
                        };
                        let answer = api::fields(&request, &signal).await;
                        answer.map(|answer| {
                            let top = answer.fields.into_iter().flat_map(|field| field.top);
                            top.map(|value| value.value).collect::<Vec<_>>()
                        })
                    }
                    _ => {
                        let request = QueryRequest {
                            query,
                            from,
                            to,
                            limit: Some(VALUES_MAX as u64),
                            ..QueryRequest::default()
                        };
                        let mut values = Vec::new();
                        let asked = api::query(&request, &signal, |frame| {
                            if let Frame::Rows { rows } = frame {
                                values.extend(rows.iter().filter_map(|row| text(row.first()?)));
                            }
                        });
                        asked.await.map(|()| values)
                    }
                };
                // What is wrong with it shows in the panels; what was offered before stays.
                if let Ok(mut values) = values {
                    values.sort();
                    values.dedup();
                    values.retain(|value| !value.is_empty());
                    self.offer(&variable.name, values);
                }
            });
        });
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_value_goes_before_the_dashboards_own_and_none_is_any() {
        let variables = [Variable {
            name: "host".into(),
            value: "a b".into(),
            ..Variable::default()
        }];
        let mut view = View::default();
        assert_eq!(filled("host:$host $other", &variables, &view), "host:\"a b\" $other");
        view.variables.insert("host".into(), "x".into());
        assert_eq!(filled("host:$host", &variables, &view), "host:x");
        view.variables.insert("host".into(), String::new());
        assert_eq!(filled("host:$host", &variables, &view), "host:*");
    }
}
