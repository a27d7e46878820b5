//! The second factor: the secret as text and picture, its first code, the codes for when it is lost.

use leptos::prelude::*;
use timberline_proto::api::access::TotpSecret;

use super::{Fault, qr::qr};
use crate::model::app::App;

/// The form, in the state that it is in.
#[component]
pub(super) fn SecondFactor() -> impl IntoView {
    let app = App::get();
    let access = app.access;
    let is_on = Memo::new(move |_| access.who.with(|who| who.as_ref().is_some_and(|who| who.totp)));
    move || {
        if let Some(codes) = access.codes.get() {
            return view! { <Codes codes/> }.into_any();
        }
        match (access.totp.get(), is_on.get()) {
            (Some(secret), _) => view! { <Confirm secret/> }.into_any(),
            (None, true) => view! {
                <p class="set-state"><b>"On."</b>" A code is asked for at each login."</p>
                <WithPassword button="Turn it off" danger=true run=Callback::new(move |password| access.remove_totp(app, password))/>
            }
            .into_any(),
            (None, false) => view! {
                <p class="set-state"><b>"Off."</b>" The password alone is asked for."</p>
                <WithPassword button="Set it up" danger=false run=Callback::new(move |password| access.offer_totp(app, password))/>
            }
            .into_any(),
        }
    }
}

/// Whoever found a session open does not know the password.
#[component]
fn WithPassword(button: &'static str, danger: bool, run: Callback<String>) -> impl IntoView {
    let app = App::get();
    let password = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        run.run(password.get_untracked());
    };
    view! {
        <form class="set-form" aria-label="Second factor" on:submit=submit>
            <label class="form-field">
                <span>"Your password"</span>
                <input class="input" type="password" autocomplete="current-password" prop:value=move || password.get() on:input=move |event| password.set(event_target_value(&event))/>
            </label>
            <Fault form="totp"/>
            <div><button class="button" class:danger=danger disabled=move || password.with(String::is_empty) || app.access.busy.get()>{button}</button></div>
        </form>
    }
}

#[component]
fn Confirm(secret: TotpSecret) -> impl IntoView {
    let app = App::get();
    let code = RwSignal::new(String::new());
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        app.access.confirm_totp(app, code.get_untracked().trim().to_owned());
    };
    let copied = secret.secret.clone();
    view! {
        <form class="set-form" aria-label="Second factor" on:submit=submit>
            <p>"Scan this with an authenticator, or type the secret into it. Then give the code that it shows."</p>
            <div class="set-totp">
                {qr(&secret.uri)}
                <div>
                    <div class="set-secret">
                        <code>{grouped(&secret.secret)}</code>
                        <button class="button small" type="button" on:click=move |_| app.copy(&copied, "Secret")>"Copy"</button>
                    </div>
                    <label class="form-field">
                        <span>"Code"</span>
                        <input class="input mono set-code" inputmode="numeric" autocomplete="one-time-code" maxlength="6" prop:value=move || code.get() on:input=move |event| code.set(event_target_value(&event))/>
                    </label>
                </div>
            </div>
            <Fault form="totp"/>
            <div class="set-tools">
                <button class="button primary" disabled=move || code.with(|code| code.trim().len() != 6) || app.access.busy.get()>"Turn it on"</button>
                <button class="button" type="button" on:click=move |_| app.access.totp.set(None)>"Not now"</button>
            </div>
        </form>
    }
}

/// In fours, as it is typed.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups: Vec<String> = letters.chunks(4).map(|group| group.iter().collect()).collect();
    groups.join(" ")
}

#[component]
fn Codes(codes: Vec<String>) -> impl IntoView {
    let app = App::get();
    let all = codes.join("\n");
    view! {
        <p>"It is on. Should your phone be gone, each of these stands in for a code, once. They are shown only now: print them, or keep them where you keep passwords."</p>
        <ul class="set-codes mono" aria-label="Recovery codes">{codes.into_iter().map(|code| view! { <li>{code}</li> }).collect_view()}</ul>
        <div class="set-tools">
            <button class="button" on:click=move |_| app.copy(&all, "Codes")>"Copy all"</button>
            <button class="button primary" on:click=move |_| app.access.codes.set(None)>"I have kept them"</button>
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn a_secret_is_typed_in_fours() {
        assert_eq!(grouped("JBSWY3DPEHPK3PXP"), "JBSW Y3DP EHPK 3PXP");
        assert_eq!(grouped("ABCDE"), "ABCD E");
    }
}
