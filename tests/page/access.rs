//! People log in, are led back to where they were, and see what they may.

use crate::browser::Tab;
use crate::stage::Stage;
use crate::support::{Program, append, scratch, up_config, wait_for};

pub(super) const PASSWORD: &str = "correct horse battery";

/// A server of its own. It is called by another name than the others, so that its cookies are its own.
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) dir: tempfile::TempDir,
}

impl Server {
    pub(super) fn start(more: &str) -> Self {
        let dir = scratch();
        let program = Program::start(
            dir.path(),
            "up",
            &format!("{}{more}", up_config(dir.path(), &["*.txt"])),
        );
        Self { program, dir }
    }

    pub(super) fn address(&self, path: &str) -> String {
        format!("{}{path}", self.program.page().replace("127.0.0.1", "localhost"))
    }

    /// Makes the first account by the link that was printed; the page is open then.
    pub(super) fn with_admin<'a>(&self, stage: &'a Stage) -> Tab<'a> {
        let link = self.program.announced("account");
        let token = link.split_once("#setup=").unwrap().1;
        let tab = stage.open_at(&self.address(&format!("/login#setup={token}")));
        tab.until("!document.querySelector('#form').hidden && !document.querySelector('#again-row').hidden");
        for (field, text) in [("name", "anna"), ("password", PASSWORD), ("again", PASSWORD)] {
            tab.click(&format!("document.querySelector('#{field}')"));
            tab.type_text(text);
        }
        tab.click("document.querySelector('#send')");
        tab.until("!!document.querySelector('.query-text')");
        tab
    }
}

#[track_caller]
pub(super) fn log_in(tab: &Tab<'_>, name: &str, password: &str) {
    tab.until("!!document.querySelector('#form') && !document.querySelector('#form').hidden");
    for (field, text) in [("name", name), ("password", password)] {
        tab.click(&format!("document.querySelector('#{field}')"));
        tab.eval::<bool>(&format!("document.querySelector('#{field}').select(), true"));
        tab.type_text(text);
    }
    tab.click("document.querySelector('#send')");
}

pub(super) fn button(words: &str) -> String {
    format!("[...document.querySelectorAll('main button')].find(b => b.textContent.trim() === '{words}')")
}

fn field(words: &str) -> String {
    format!(
        "[...document.querySelectorAll('.form-field')].find(f => f.querySelector('span').textContent === '{words}')?.querySelector('input')"
    )
}

#[track_caller]
pub(super) fn fill(tab: &Tab<'_>, words: &str, text: &str) {
    tab.click(&field(words));
    tab.eval::<bool>(&format!("{}.select(), true", field(words)));
    tab.type_text(text);
}

/// Opens a part of the settings.
#[track_caller]
pub(super) fn part(tab: &Tab<'_>, words: &str) {
    tab.click("[...document.querySelectorAll('.rail-entry')].find(e => e.textContent.trim() === 'Settings')");
    let tab_of = format!("[...document.querySelectorAll('.settings .tab')].find(t => t.textContent === '{words}')");
    tab.until(&format!("!!{tab_of}"));
    tab.click(&tab_of);
}

#[test]
fn a_session_that_ends_in_the_middle_leads_to_the_login_and_back_to_the_same_view() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let server = Server::start("");
    let tab = server.with_admin(&stage);
    append(&server.dir.path().join("birds.txt"), "a corncrake calls\n");
    tab.ask("corncrake");
    wait_for("the line", || {
        tab.eval::<bool>("document.querySelectorAll('.row').length === 1 || (document.querySelector('.ask .primary')?.click(), false)")
            .then_some(())
    });
    // The session ends elsewhere.
    let ended: f64 = tab.eval(
        "(async () => { const list = (await (await fetch('/api/v1/sessions')).json()).sessions; \
            return (await fetch('/api/v1/sessions/' + list[0].id, { method: 'DELETE' })).status; })()",
    );
    assert!((200.0..300.0).contains(&ended), "{ended}");
    tab.ask("corncrake calls");
    tab.until("location.pathname === '/login' && location.search.startsWith('?back=')");
    // A wrong password is told, and nothing else changes.
    log_in(&tab, "anna", "not the password at all");
    tab.until("document.querySelector('#said').textContent.length > 10");
    assert_eq!(tab.eval::<String>("location.pathname"), "/login");
    log_in(&tab, "anna", PASSWORD);
    tab.until("location.pathname === '/' && document.querySelector('.query-text')?.value === 'corncrake calls'");
    tab.until("document.querySelectorAll('.row').length === 1");
    // No address of another host is gone back to.
    for away in [
        "//example.org/",
        "https://example.org/",
        "/\\\\example.org",
        "javascript:alert(1)",
    ] {
        tab.eval::<bool>(&format!(
            "location.href = '/login?back=' + encodeURIComponent('{away}'), true"
        ));
        tab.until("document.querySelector('#on')?.offsetParent && document.querySelector('#on').pathname === '/' && document.querySelector('#on').host === location.host");
    }
}

#[test]
fn who_guesses_too_often_is_locked_out_and_told_so() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let server = Server::start("[access]\naccount_failures_max = 3\n");
    let tab = server.with_admin(&stage);
    part(&tab, "You");
    tab.until(&format!("!!{}", button("Log out")));
    tab.click(&button("Log out"));
    tab.until("location.pathname === '/login'");
    for n in 0..3 {
        log_in(&tab, "anna", &format!("a wrong password {n}"));
        tab.until(
            "document.querySelector('#said').textContent.length > 10 && !document.querySelector('#send').disabled",
        );
    }
    log_in(&tab, "anna", PASSWORD);
    tab.until("/too many/i.test(document.querySelector('#said').textContent)");
    assert_eq!(tab.eval::<String>("location.pathname"), "/login");
}

#[test]
fn a_viewer_is_not_offered_what_only_others_may_and_is_told_which_right_it_takes() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let server = Server::start("");
    let tab = server.with_admin(&stage);
    part(&tab, "Accounts");
    tab.until(&format!("!!{}", button("Add an account")));
    tab.click(&button("Add an account"));
    fill(&tab, "Name", "vera");
    fill(&tab, "First password", "another horse battery");
    tab.click(&button("Make the account"));
    tab.until("[...document.querySelectorAll('.rows tbody b')].some(name => name.textContent === 'vera')");
    part(&tab, "You");
    tab.until(&format!("!!{}", button("Log out")));
    tab.click(&button("Log out"));
    log_in(&tab, "vera", "another horse battery");
    tab.until("location.pathname === '/' && !!document.querySelector('.summary-count')");
    // No export, no alert of this search, and of the settings no accounts, roles, keys and acts.
    tab.until("!!document.querySelector('.export-open') && !document.querySelector('.export-open').offsetParent && !document.querySelector('.summary-alert')?.offsetParent");
    part(&tab, "You");
    tab.until(
        "[...document.querySelectorAll('.settings .tab')].map(tab => tab.textContent).join() === 'You,Retention'",
    );
    tab.until(
        "[...document.querySelectorAll('.set-rights .lacks code')].some(code => code.textContent === 'access.manage')",
    );
    // By the address it is not shown either, and the right is named.
    tab.eval::<bool>("location.href = '/?view=settings&part=keys', true");
    tab.until("document.querySelector('.denied code')?.textContent === 'access.manage'");
    assert!(!tab.text().contains("Make a key"));
}

#[test]
fn a_key_is_made_shown_once_used_and_revoked_and_all_of_it_is_in_the_audit_trail() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let server = Server::start("");
    let tab = server.with_admin(&stage);
    part(&tab, "Keys");
    tab.until(&format!("!!{}", button("Make a key")));
    tab.click(&button("Make a key"));
    fill(&tab, "What it is for", "reports");
    tab.click(&button("ingest"));
    tab.click(&button("viewer"));
    tab.click(&button("30 days"));
    tab.click(&button("Make the key"));
    tab.until("document.querySelector('.set-key')?.textContent.length > 30");
    let status = "(async () => (await fetch('/api/v1/status', { credentials: 'omit', headers: { authorization: 'Bearer ' + window.keptKey } })).status)()";
    tab.eval::<bool>("window.keptKey = document.querySelector('.set-key').textContent, true");
    assert_eq!(tab.eval::<f64>(status), 200.0);
    tab.click(&button("I have kept it"));
    tab.until("!document.querySelector('.set-key')");
    assert!(!tab.eval::<bool>("document.body.innerText.includes(window.keptKey)"));
    tab.click(&button("Revoke"));
    tab.until(&format!("!!{}", button("Revoke the key")));
    tab.click(&button("Revoke the key"));
    tab.until("document.querySelector('.table-rest')?.textContent === 'No key is like this.'");
    assert_eq!(tab.eval::<f64>(status), 401.0);
    // Who did it, and how it went.
    part(&tab, "Audit trail");
    wait_for("the acts to be on record", || {
        tab.eval::<bool>(
            "['key.create', 'key.revoke'].every(act => [...document.querySelectorAll('.set-acts .link')].some(link => link.textContent === act)) || \
             ([...document.querySelectorAll('.tools .button')].find(b => b.textContent === 'Find')?.click(), false)",
        )
        .then_some(())
    });
    let row =
        "[...document.querySelectorAll('.set-acts tbody tr')].find(row => row.textContent.includes('key.revoke'))";
    assert!(tab.eval::<bool>(&format!(
        "{row}.textContent.includes('anna') && {row}.textContent.includes('ok')"
    )));
}
