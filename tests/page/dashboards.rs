//! Charts, dashboards and saved searches.

use serde_json::{Value, json};

use crate::browser::Tab;
use crate::stage::Stage;

/// The text of a button that is in sight.
fn button(text: &str) -> String {
    format!(
        "[...document.querySelectorAll('button')].find(one => one.textContent.trim() === {text:?} && one.offsetParent)"
    )
}

fn panel(id: u32) -> String {
    format!("document.querySelector('[data-panel=\"{id}\"]')")
}

/// Sets a field as typing and leaving it would.
fn fill(tab: &Tab<'_>, element: &str, text: &str) {
    tab.click(element);
    tab.eval::<bool>(&format!("{element}.select(), true"));
    tab.type_text(text);
    tab.eval::<bool>(&format!(
        "{element}.dispatchEvent(new Event('change', {{bubbles: true}})), true"
    ));
}

fn choose(tab: &Tab<'_>, element: &str, value: &str) {
    tab.eval::<bool>(&format!(
        "(() => {{ const select = {element}; select.value = {value:?}; select.dispatchEvent(new Event('change', {{bubbles: true}})); return select.value === {value:?}; }})()"
    ));
}

fn keep(stage: &Stage, board: &Value) -> String {
    let made = stage.program.post("/api/v1/dashboards", board).unwrap();
    made["id"].as_str().unwrap().to_owned()
}

fn board(name: &str, panels: &[(&str, &str)]) -> Value {
    let panels: Vec<Value> = panels
        .iter()
        .enumerate()
        .map(|(at, (query, chart))| {
            json!({ "id": at + 1, "title": format!("panel {}", at + 1), "query": query, "chart": chart, "x": at % 2 * 6, "y": at / 2 * 6, "w": 6, "h": 6 })
        })
        .collect();
    json!({ "timberline_dashboard": 1, "name": name, "from": "", "panels": panels })
}

fn birds() -> String {
    (0..60)
        .map(|n| {
            format!(
                "{{\"message\":\"redshank {n}\",\"level\":\"{}\",\"site\":\"{}\",\"took\":{n}}}\n",
                ["info", "error"][n % 2],
                ["pier", "dune"][n / 30]
            )
        })
        .collect()
}

#[test]
fn a_dashboard_is_made_filled_with_panels_saved_and_found_again() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("boards.txt", &birds(), "redshank");
    let tab = stage.open("/?view=dashboards");
    tab.until(&format!("!!{}", button("New dashboard")));
    tab.click(&button("New dashboard"));
    tab.until("!!document.querySelector('.board-title')");
    fill(&tab, "document.querySelector('.board-title')", "Birds of the shore");
    tab.click(&button("Add a panel"));
    tab.until("!!document.querySelector('.board-query')");
    fill(
        &tab,
        "document.querySelector('.board-query')",
        "redshank | stats count() as n",
    );
    tab.until(&format!(
        "{}.querySelector('.stat-value')?.textContent === '60'",
        panel(1)
    ));
    tab.click(&button("Panel"));
    tab.until("document.querySelectorAll('.board-panel').length === 2");
    fill(
        &tab,
        "document.querySelector('.board-query')",
        "redshank | stats count() as n by site | sort site",
    );
    tab.until(&format!("{}.querySelectorAll('.chart-row').length === 2", panel(2)));
    // By keys: moved beside the first, and made wider.
    tab.eval::<bool>(&format!("{}.focus(), true", panel(2)));
    tab.press("ArrowRight");
    tab.eval::<bool>(&format!(
        "{}.dispatchEvent(new KeyboardEvent('keydown', {{key: 'ArrowDown', shiftKey: true, bubbles: true, cancelable: true}})), true",
        panel(2)
    ));
    tab.until(&format!(
        "{}.style.gridColumn === '2 / span 6' && {}.style.gridRow.endsWith('/ span 7')",
        panel(2),
        panel(2)
    ));
    // By numbers.
    let number = |word: &str| {
        format!(
            "[...document.querySelectorAll('.form-numbers label')].find(one => one.textContent === {word:?}).querySelector('input')"
        )
    };
    fill(&tab, &number("Column"), "7");
    fill(&tab, &number("Row"), "1");
    tab.until(&format!(
        "{}.style.gridColumn === '7 / span 6' && {}.style.gridRow === '1 / span 7'",
        panel(2),
        panel(2)
    ));
    // By pointer: the first one below the second, which closes up.
    let head = format!("{}.querySelector('.board-panel-head')", panel(2));
    tab.eval::<bool>(&format!("({head}.scrollIntoView({{block: 'nearest'}}), true)"));
    let [x, y, ..] = tab.place(&head);
    let to = [x + 20.0, y + 8.0 + 96.0];
    tab.drag(&[[x + 20.0, y + 8.0], [x + 20.0, y + 40.0], to]);
    tab.release(to);
    tab.until(&format!("{}.style.gridRow.startsWith('1 /')", panel(2)));
    // A chart is changed in the panel's menu.
    tab.click(&format!("{}.querySelector('.board-menu button')", panel(2)));
    tab.click(&button("Table"));
    tab.until(&format!("{}.querySelectorAll('tbody tr').length === 2", panel(2)));
    tab.click("document.querySelector('.time-veil')");
    tab.click(&button("Save"));
    tab.until("document.querySelector('.notice.shown')?.textContent === 'Saved'");
    let address: String = tab.eval("location.search");
    drop(tab);
    // Reloaded, and from the list.
    let tab = stage.open(&format!("/{address}"));
    tab.until(&format!(
        "{}?.querySelector('.stat-value')?.textContent === '60'",
        panel(1)
    ));
    tab.until(&format!("{}.querySelectorAll('tbody tr').length === 2", panel(2)));
    assert_eq!(
        tab.eval::<String>("document.querySelector('h1').textContent"),
        "Birds of the shore"
    );
    tab.press("Escape");
    tab.until("[...document.querySelectorAll('.board-name')].some(one => one.textContent === 'Birds of the shore')");
    // A panel leads to its search.
    tab.eval::<bool>("history.back(), true");
    tab.until(&format!("!!{}?.querySelector('.board-menu button')", panel(2)));
    tab.click(&format!("{}.querySelector('.board-menu button')", panel(2)));
    tab.click(&button("Open in Search"));
    tab.until("document.querySelector('.query-text')?.value === 'redshank | stats count() as n by site | sort site'");
}

#[test]
fn a_variable_changes_all_panels_and_stands_in_the_address() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("variables.txt", &birds().replace("redshank", "wheatear"), "wheatear");
    let mut made = board(
        "Variables",
        &[
            ("wheatear site:$site | stats count() as n", "stat"),
            ("wheatear site:${site} level:error | stats count() as n", "stat"),
        ],
    );
    made["variables"] = json!([{ "name": "site", "kind": "query", "source": "wheatear | stats count() by site" }]);
    let id = keep(&stage, &made);
    let tab = stage.open(&format!("/?view=dashboards&item={id}"));
    let values = |a: &str, b: &str| {
        format!(
            "{}?.querySelector('.stat-value')?.textContent === '{a}' && {}?.querySelector('.stat-value')?.textContent === '{b}'",
            panel(1),
            panel(2)
        )
    };
    tab.until(&values("60", "30"));
    let select = "document.querySelector('.board-value select')";
    tab.until(&format!(
        "[...{select}.options].map(one => one.value).join() === ',dune,pier'"
    ));
    choose(&tab, select, "dune");
    tab.until(&values("30", "15"));
    assert!(tab.eval::<String>("location.search").contains("var.site=dune"));
    // A value is data: what it holds asks nothing.
    let address = format!("/?view=dashboards&item={id}&from=all&var.site=%22+OR+wheatear+%7C+head");
    drop(tab);
    let tab = stage.open(&address);
    tab.until(&values("0", "0"));
}

#[test]
fn what_is_exported_is_imported_again_and_what_is_wrong_is_named_by_its_place() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let id = keep(&stage, &board("To be exported", &[("| stats count() as n", "stat")]));
    let tab = stage.open(&format!("/?view=dashboards&item={id}"));
    tab.until(&format!("!!{}", button("Export")));
    tab.until(&format!("!!{}", panel(1)));
    // What the browser would put into a file.
    tab.eval::<bool>(
        "(() => { HTMLAnchorElement.prototype.click = function () { window.fileName = this.download; }; const make = URL.createObjectURL; URL.createObjectURL = blob => { blob.text().then(text => window.exported = text); return make(blob); }; return true; })()",
    );
    tab.click(&button("Export"));
    tab.until("typeof window.exported === 'string'");
    assert_eq!(tab.eval::<String>("window.fileName"), "to-be-exported.json");
    let exported: String = tab.eval("window.exported");
    let kept: Value = serde_json::from_str(&exported).unwrap();
    assert_eq!(
        (&kept["timberline_dashboard"], &kept["name"]),
        (&json!(1), &json!("To be exported"))
    );
    drop(tab);
    let tab = stage.open("/?view=dashboards");
    tab.click(&button("Import"));
    let paste = |text: &str| {
        tab.click("document.querySelector('.import-text')");
        tab.eval::<bool>("document.querySelector('.import-text').select(), true");
        tab.type_text(text);
        tab.click("document.querySelector('.import-text').closest('form').querySelector('button')");
    };
    paste(&exported.replace("\"w\": 6", "\"w\": 60"));
    tab.until("document.querySelector('.problem')?.textContent.includes('panels[0].w: is 60')");
    paste("{ \"timberline_dashboard\": 1,\n  \"name\": }");
    tab.until("document.querySelector('.problem')?.textContent.includes('line 2')");
    paste(&exported);
    tab.until(&format!(
        "document.querySelector('h1')?.textContent === 'To be exported' && !!{}",
        panel(1)
    ));
    let other: String = tab.eval("new URLSearchParams(location.search).get('item')");
    assert_ne!(other, id);
    let (_, again) = stage.program.get(&format!("/api/v1/dashboards/{other}"));
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["dashboard"], kept);
}

#[test]
fn of_two_who_save_the_second_is_told_and_loses_nothing() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let made = board("Shared", &[("| stats count() as n", "stat")]);
    let id = keep(&stage, &made);
    let tab = stage.open(&format!("/?view=dashboards&item={id}"));
    tab.until(&format!("!!{}", panel(1)));
    tab.press("e");
    fill(&tab, "document.querySelector('.board-title')", "Mine");
    // Meanwhile somebody else.
    let mut theirs = made.clone();
    theirs["name"] = json!("Theirs");
    let put = |version: u64| {
        let body = json!({ "version": version, "dashboard": theirs }).to_string();
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let answer = agent
            .put(format!("{}/api/v1/dashboards/{id}", stage.program.page()))
            .header("content-type", "application/json")
            .send(body);
        answer.unwrap().status().as_u16()
    };
    assert_eq!(put(1), 200);
    tab.click(&button("Save"));
    tab.until("document.querySelector('.conflict')?.textContent.includes('Theirs')");
    assert_eq!(
        tab.eval::<String>("document.querySelector('.board-title').value"),
        "Mine"
    );
    tab.click(&button("Save mine as a copy"));
    tab.until("document.querySelector('h1')?.textContent === 'Mine (copy)'");
    let (_, kept) = stage.program.get(&format!("/api/v1/dashboards/{id}"));
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(
        (&kept["dashboard"]["name"], &kept["version"]),
        (&json!("Theirs"), &json!(2))
    );
}

#[test]
fn a_key_fills_the_screen_and_a_drag_zooms_every_panel() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let lines: String = (0..40)
        .map(|n| format!("2026-11-20T10:{n:02}:00Z merganser {n}\n"))
        .collect();
    stage.keep("wall.txt", &lines, "merganser");
    let mut made = board(
        "Wall",
        &[
            ("merganser | timechart span=1m count() as n", "line"),
            ("merganser | stats count() as n", "stat"),
        ],
    );
    made["from"] = json!("2026-11-20T10:00:00Z");
    made["to"] = json!("2026-11-20T10:40:00Z");
    let id = keep(&stage, &made);
    let tab = stage.open(&format!("/?view=dashboards&item={id}"));
    tab.until(&format!(
        "{}?.querySelector('.stat-value')?.textContent === '40'",
        panel(2)
    ));
    // The browser gives the whole screen, and takes it back.
    tab.press("f");
    tab.until("document.fullscreenElement === document.documentElement");
    tab.until("document.querySelector('.shell.wall') && !document.querySelector('.rail').offsetParent");
    assert!(tab.eval::<String>("location.search").contains("wall=on"));
    tab.press("f");
    tab.until("!document.fullscreenElement && !document.querySelector('.shell.wall')");
    // The left half of the chart.
    let area = format!("{}.querySelector('.chart-area')", panel(1));
    tab.until(&format!("!!{area}?.querySelector('path.drawn-line')"));
    let [left, top, width, _] = tab.place(&area);
    let half = [left + width / 2.0, top + 9.0];
    tab.drag(&[[left, top + 9.0], [left + width / 4.0, top + 9.0], half]);
    // Hovering says the value and when.
    tab.until(&format!("{area}.querySelector('.tip')?.textContent.includes('20 Nov')"));
    tab.release(half);
    tab.until(&format!(
        "{}?.querySelector('.stat-value')?.textContent === '20'",
        panel(2)
    ));
    assert!(
        tab.eval::<String>("location.search")
            .contains("to=2026-11-20T10:20:00Z"),
        "{}",
        tab.eval::<String>("location.search")
    );
}

#[test]
fn hostile_names_are_only_text_and_a_name_is_typed_to_delete() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let name = "<img src=x onerror='window.struck = 1'> <script>window.struck = 1</script>";
    stage.keep("hostile-boards.txt", "ruff one\nruff two\n", "ruff");
    let mut made = board(name, &[("ruff | stats count() as \"<b>n</b>\"", "stat")]);
    made["panels"][0]["title"] = json!(name);
    keep(&stage, &made);
    let tab = stage.open("/?view=dashboards");
    let row = format!("[...document.querySelectorAll('.board-name')].find(one => one.textContent === {name:?})");
    tab.until(&format!("!!{row}"));
    tab.click(&row);
    tab.until(&format!(
        "{}?.querySelector('.stat-name')?.textContent === '<b>n</b>'",
        panel(1)
    ));
    assert_eq!(
        tab.eval::<String>(&format!("{}.querySelector('h2').textContent", panel(1))),
        name
    );
    assert!(tab.eval::<bool>(
        "document.querySelectorAll('.main script, .main img').length === 0 && window.struck === undefined"
    ));
    tab.press("Escape");
    tab.until(&format!("!!{row}"));
    tab.click(&format!(
        "{row}.closest('tr').querySelector('.row-tools button:last-child')"
    ));
    let delete = "document.querySelector('.ask-back .danger')";
    tab.until(&format!("{delete}?.disabled === true"));
    tab.click("document.querySelector('.ask-back .input')");
    tab.type_text(name);
    tab.until(&format!("{delete}.disabled === false"));
    tab.click(delete);
    tab.until(&format!("!{row}"));
}

#[test]
fn a_search_is_saved_under_a_name_and_asked_again_and_its_table_becomes_a_panel() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("saved.txt", &birds().replace("redshank", "dotterel"), "dotterel");
    let tab = stage.open("/?q=dotterel+%7C+stats+count()+as+n+by+site&from=all");
    tab.until("document.querySelectorAll('.table .chart-row').length === 2");
    // Another chart, kept in the address.
    tab.click(&button("Number"));
    tab.until("document.querySelectorAll('.table .stat').length === 2");
    assert!(tab.eval::<String>("location.search").contains("chart=stat"));
    tab.press("s");
    tab.until("!!document.querySelector('.saved-new .input')");
    tab.click("document.querySelector('.saved-new .input')");
    tab.type_text("Dotterels by site");
    tab.press("Enter");
    tab.until("document.querySelector('.notice.shown')?.textContent.includes('Dotterels by site')");
    drop(tab);
    let tab = stage.open("/");
    tab.until("!!document.querySelector('.saved-button')");
    tab.click("document.querySelector('.saved-button')");
    let entry = "[...document.querySelectorAll('.saved-entry .menu-item')].find(one => one.textContent.startsWith('Dotterels by site'))";
    tab.until(&format!("!!{entry}"));
    tab.click(entry);
    tab.until("document.querySelectorAll('.table .stat').length === 2");
    tab.click(&button("Add to dashboard"));
    tab.until(&format!("!!{}", button("A new dashboard")));
    tab.click(&button("A new dashboard"));
    tab.until(&format!("{}?.querySelectorAll('.stat').length === 2", panel(1)));
    assert!(tab.eval::<String>("location.search").contains("view=dashboards"));
}

#[test]
fn who_has_no_dashboard_gets_one_made_of_the_logs_own_fields() {
    let stage = Stage::get();
    let _turn = stage.turn();
    stage.keep("starter.txt", &birds().replace("redshank", "knot"), "knot");
    let (_, listed) = stage.program.get("/api/v1/dashboards");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    for one in listed["dashboards"].as_array().unwrap() {
        let address = format!(
            "{}/api/v1/dashboards/{}",
            stage.program.page(),
            one["id"].as_str().unwrap()
        );
        ureq::delete(address).call().unwrap();
    }
    let tab = stage.open("/?view=dashboards");
    tab.until(&format!("!!{}", button("Make one from my logs")));
    tab.click(&button("Make one from my logs"));
    tab.until("document.querySelector('h1')?.textContent === 'Overview' && document.querySelectorAll('.board-panel').length >= 5");
    tab.until("document.querySelectorAll('.board-panel .skeleton').length === 0");
    let errors: Vec<String> = tab.eval("[...document.querySelectorAll('.board-error')].map(one => one.textContent)");
    assert!(errors.is_empty(), "{errors:?}");
    assert!(tab.eval::<bool>("document.querySelectorAll('.board-panel .chart').length >= 4"));
}
