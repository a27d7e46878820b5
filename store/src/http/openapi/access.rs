//! Who may do what: logging in, accounts, roles, keys, sessions.

use serde_json::{Value, json};

use super::{answer, error, list, object, operation, parameter, string};

pub(super) fn paths() -> Value {
    let name = |what: &str| parameter("name", "path", "string", true, what);
    let id = |what: &str| parameter("id", "path", "string", true, what);
    json!({
        "/api/v1/whoami": { "get": operation("Who asks, and what they may do", &[], None, answer("WhoAmI")) },
        "/api/v1/login": { "post": operation("Begin a session, which comes as a cookie; `code_needed` asks for the code of an authenticator", &[], Some("Login"), answer("WhoAmI")) },
        "/api/v1/setup": { "post": operation("Make the first account, an admin's, by the link that was printed at the start", &[], Some("Setup"), answer("WhoAmI")) },
        "/api/v1/logout": { "post": nothing("End this session") },
        "/api/v1/account/password": { "post": nothing("Change one's own password: `old`, `new`; other sessions end") },
        "/api/v1/account/totp": {
            "post": operation("Show a secret for an authenticator: `password`", &[], None, answer("Any")),
            "delete": nothing("Ask for no codes any more: `password`")
        },
        "/api/v1/account/totp/confirm": { "post": operation("Ask for codes from now on: `code`; gives recovery codes, shown once", &[], None, answer("Any")) },
        "/api/v1/users": {
            "get": operation("All accounts", &[], None, answer("Any")),
            "post": operation("Make an account: `name`, `password`, `roles`", &[], None, answer("User"))
        },
        "/api/v1/users/{name}": {
            "put": operation("Change `roles`, `disabled`, or `reset_totp`; the account's sessions end", &[name("The account")], None, answer("User")),
            "delete": nothing_of("Forget an account", name("The account"))
        },
        "/api/v1/users/{name}/password": { "post": nothing_of("Give an account a new `password`; its sessions end", name("The account")) },
        "/api/v1/roles": { "get": operation("All roles", &[], None, answer("Any")) },
        "/api/v1/roles/{name}": {
            "put": operation("Make or change a role", &[name("The role")], Some("Role"), answer("Role")),
            "delete": nothing_of("Forget a role that nobody has", name("The role"))
        },
        "/api/v1/keys": {
            "get": operation("All keys, without their secrets", &[], None, answer("Any")),
            "post": operation("Make a key: `name`, `roles`, `scopes`, `ttl_s`; it is in this answer alone", &[], None, answer("Any"))
        },
        "/api/v1/keys/{id}": { "delete": operation("Refuse a key from now on", &[id("The key")], None, answer("Any")) },
        "/api/v1/sessions": { "get": operation("One's own sessions; with access.manage, all", &[], None, answer("Any")) },
        "/api/v1/sessions/{id}": { "delete": nothing_of("End a session", id("The session")) },
        "/api/v1/access/audit": { "get": operation("The last acts about accounts, and who was refused", &[], None, answer("Any")) }
    })
}

fn nothing(summary: &str) -> Value {
    json!({ "summary": summary, "responses": { "204": { "description": "Done." }, "default": error() } })
}

fn nothing_of(summary: &str, parameter: Value) -> Value {
    let mut operation = nothing(summary);
    operation["parameters"] = json!([parameter]);
    operation
}

pub(super) fn schemas() -> Value {
    let words = |what: &str| json!({ "type": "array", "items": string(what) });
    let truth = |what: &str| json!({ "type": "boolean", "description": what });
    json!({
        "Any": { "type": "object" },
        "WhoAmI": object(&["roles", "permissions", "open", "no_account"], json!({
            "actor": string("As acts name it"), "user": string("The account"), "roles": words("A role"),
            "permissions": words("What may be done"), "limited": truth("Whether only some records or fields are shown"),
            "totp": truth("Whether the account asks for codes"), "open": truth("Whether nobody is asked who they are"),
            "no_account": truth("Whether there is no account yet")
        })),
        "Login": object(&["name", "password"], json!({
            "name": string("Who"), "password": string("The password"), "code": string("Of the authenticator, or a recovery code")
        })),
        "Setup": object(&["token", "name", "password"], json!({
            "token": string("Of the link"), "name": string("The account"), "password": string("Its password")
        })),
        "User": object(&["name", "roles", "disabled", "totp"], json!({
            "name": string("Its name"), "roles": words("A role"), "disabled": truth("Whether it is shut out"),
            "totp": truth("Whether it asks for codes"), "created": string("RFC 3339"), "last_login": string("RFC 3339")
        })),
        "Role": object(&["permissions"], json!({
            "name": string("Its name"), "description": string("What it is for"), "permissions": words("What it gives"),
            "streams": string("Only records that this search keeps"), "hidden_fields": list(string("A field that is hidden")),
            "built_in": truth("Whether it came with the program")
        }))
    })
}
