//! A second factor, own roles, and accounts that are changed, shut out and deleted.

use crate::access::{PASSWORD, Server, button, fill, log_in, part};
use crate::browser::Tab;
use crate::stage::Stage;
use crate::support::{append, wait_for};

/// The code of an authenticator (RFC 6238), computed by the browser's own cryptography, so many steps from now.
fn code(tab: &Tab<'_>, secret: &str, steps: i64) -> String {
    tab.eval(&format!(
        "(async () => {{
            const bits = [...'{secret}'].map(c => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
            const bytes = new Uint8Array(bits.match(/.{{8}}/g).map(byte => parseInt(byte, 2)));
            const key = await crypto.subtle.importKey('raw', bytes, {{ name: 'HMAC', hash: 'SHA-1' }}, false, ['sign']);
            const step = new DataView(new ArrayBuffer(8));
            step.setBigUint64(0, BigInt(Math.floor(Date.now() / 30000) + {steps}));
            const mac = new DataView(await crypto.subtle.sign('HMAC', key, step.buffer));
            const number = mac.getUint32(mac.getUint8(19) & 15) & 0x7fffffff;
            return (number % 1000000).toString().padStart(6, '0');
        }})()"
    ))
}

fn log_out(tab: &Tab<'_>) {
    part(tab, "You");
    tab.until(&format!("!!{}", button("Log out")));
    tab.click(&button("Log out"));
    tab.until("location.pathname === '/login'");
}

#[test]
fn a_second_factor_is_set_up_asked_for_and_turned_off() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let server = Server::start("");
    let tab = server.with_admin(&stage);
    part(&tab, "You");
    let form = "document.querySelector('form[aria-label=\"Second factor\"]')";
    tab.until(&format!("!!{form} && !!{}", button("Set it up")));
    tab.click(&format!("{form}.querySelector('input')"));
    tab.type_text(PASSWORD);
    tab.click(&button("Set it up"));
    tab.until("!!document.querySelector('.set-totp svg') && !!document.querySelector('.set-secret code')");
    let secret: String = tab.eval("document.querySelector('.set-secret code').textContent.replaceAll(' ', '')");
    // A wrong code turns nothing on.
    tab.click("document.querySelector('.set-code')");
    tab.type_text("000000");
    tab.click(&button("Turn it on"));
    tab.until(&format!("{form}.querySelector('[role=alert]')?.textContent.length > 5"));
    tab.eval::<bool>("document.querySelector('.set-code').select(), true");
    tab.type_text(&code(&tab, &secret, 0));
    tab.click(&button("Turn it on"));
    tab.until("document.querySelectorAll('.set-codes li').length === 10");
    let recovery: String = tab.eval("document.querySelector('.set-codes li').textContent");
    tab.click(&button("I have kept them"));
    tab.until("!document.querySelector('.set-codes') && /^On\\./.test(document.querySelector('.set-state')?.textContent ?? '')");

    log_out(&tab);
    log_in(&tab, "anna", PASSWORD);
    tab.until("!document.querySelector('#code-row').hidden && !document.querySelector('#send').disabled");
    assert_eq!(tab.eval::<String>("location.pathname"), "/login");
    // The code that turned it on was used: the next one is another step's.
    tab.click("document.querySelector('#code')");
    tab.type_text(&code(&tab, &secret, 1));
    tab.click("document.querySelector('#send')");
    tab.until("location.pathname === '/' && !!document.querySelector('.query-text')");

    log_out(&tab);
    log_in(&tab, "anna", PASSWORD);
    tab.until("!document.querySelector('#code-row').hidden && !document.querySelector('#send').disabled");
    tab.click("document.querySelector('#code')");
    tab.type_text(&recovery);
    tab.click("document.querySelector('#send')");
    tab.until("location.pathname === '/' && !!document.querySelector('.query-text')");
    part(&tab, "You");
    tab.until(&format!("!!{}", button("Turn it off")));
    tab.click(&format!("{form}.querySelector('input')"));
    tab.type_text(PASSWORD);
    tab.click(&button("Turn it off"));
    tab.until("/^Off\\./.test(document.querySelector('.set-state')?.textContent ?? '')");
    log_out(&tab);
    log_in(&tab, "anna", PASSWORD);
    tab.until("location.pathname === '/' && !!document.querySelector('.query-text')");
}

/// A button in the row of an account or a role.
fn in_row(name: &str, words: &str) -> String {
    format!(
        "[...document.querySelectorAll('.rows tbody tr')].find(row => row.querySelector('b')?.textContent === '{name}')?.querySelector('.row-tools') && \
         [...[...document.querySelectorAll('.rows tbody tr')].find(row => row.querySelector('b')?.textContent === '{name}').querySelectorAll('button')].find(b => b.textContent.trim() === '{words}')"
    )
}

#[test]
fn an_own_role_hides_a_field_from_whoever_has_it_until_the_account_is_shut_out_and_deleted() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let server = Server::start("");
    let tab = server.with_admin(&stage);
    append(
        &server.dir.path().join("shop.txt"),
        "{\"item\":\"lamp\",\"card\":\"4111-canary\"}\n{\"item\":\"rug\",\"card\":\"4222-canary\"}\n",
    );
    part(&tab, "Roles");
    tab.until(&format!("!!{}", button("Make a role")));
    tab.click(&button("Make a role"));
    fill(&tab, "Name", "Shop-Desk");
    fill(&tab, "What it is for", "orders without cards");
    for right in ["logs.search", "logs.export", "status.read"] {
        tab.click(&format!(
            "[...document.querySelectorAll('.set-right')].find(right => right.querySelector('code').textContent === '{right}').querySelector('input')"
        ));
    }
    fill(&tab, "Only lines that this search keeps", "file:*shop* AND (");
    tab.until(&format!(
        "!!document.querySelector('.field-fault') && {}.disabled",
        button("Make the role")
    ));
    fill(&tab, "Only lines that this search keeps", "file:*shop*");
    fill(&tab, "Without these fields", "card");
    tab.click(&button("Make the role"));
    tab.until("[...document.querySelectorAll('.set-roles tbody tr')].some(row => row.textContent.includes('shop-desk') && row.textContent.includes('without card'))");

    part(&tab, "Accounts");
    tab.until(&format!("!!{}", button("Add an account")));
    tab.click(&button("Add an account"));
    fill(&tab, "Name", "sam");
    fill(&tab, "First password", "another horse battery");
    tab.click(&button("viewer"));
    tab.click(&button("shop-desk"));
    tab.click(&button("Make the account"));
    tab.until(&format!("!!({})", in_row("sam", "Change")));

    // What sam sees: the orders, and no card.
    log_out(&tab);
    log_in(&tab, "sam", "another horse battery");
    tab.until("location.pathname === '/' && !!document.querySelector('.query-text')");
    tab.ask("lamp");
    wait_for("the order", || {
        tab.eval::<bool>("document.querySelectorAll('.row').length === 1 || (document.querySelector('.ask .primary')?.click(), false)")
            .then_some(())
    });
    assert!(!tab.text().contains("canary"), "{}", tab.text());
    tab.ask("canary");
    tab.until("document.querySelectorAll('.row').length === 0 && !!document.querySelector('.empty')");
    log_out(&tab);

    // Another role is given, the account is shut out, and deleted.
    log_in(&tab, "anna", PASSWORD);
    tab.until("location.pathname === '/' && !!document.querySelector('.query-text')");
    part(&tab, "Accounts");
    tab.until(&format!("!!({})", in_row("sam", "Change")));
    tab.click(&in_row("sam", "Change"));
    tab.until(&format!("!!{}", button("Save roles")));
    let chip = |role: &str| {
        format!("[...document.querySelectorAll('.set-account .chip')].find(chip => chip.textContent === '{role}')")
    };
    tab.click(&chip("auditor"));
    tab.click(&button("Save roles"));
    tab.until("[...document.querySelectorAll('.rows tbody tr')].some(row => row.textContent.includes('sam') && row.textContent.includes('auditor, shop-desk'))");
    tab.until(&format!("!!{}", button("Shut out")));
    tab.click(&button("Shut out"));
    tab.click("document.querySelector('.ask-back .danger')");
    tab.until("[...document.querySelectorAll('.rows tbody tr')].some(row => row.textContent.includes('sam') && row.textContent.includes('shut out'))");
    let refused = "(async () => (await fetch('/api/v1/login', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name: 'sam', password: 'another horse battery' }) })).status)()";
    assert_eq!(tab.eval::<f64>(refused), 401.0);
    tab.until(&format!("!!{}", button("Delete")));
    tab.click(&button("Delete"));
    tab.click("document.querySelector('.ask-back .danger')");
    tab.until("![...document.querySelectorAll('.rows tbody b')].some(name => name.textContent === 'sam')");
    part(&tab, "Roles");
    tab.until(&format!("!!({})", in_row("shop-desk", "Delete")));
    tab.click(&in_row("shop-desk", "Delete"));
    tab.click(&button("Delete the role"));
    tab.until("![...document.querySelectorAll('.set-roles tbody b')].some(name => name.textContent === 'shop-desk')");
}
