//! How long what is stored stays, and what holds it.

use crate::stage::Stage;

#[test]
fn policies_what_would_go_and_legal_holds_stand_in_the_settings() {
    let stage = Stage::get();
    let _turn = stage.turn();
    let tab = stage.open("/?view=settings&part=retention");
    let body = "document.querySelector('.set-body').textContent";
    let button = |words: &str| {
        format!("[...document.querySelectorAll('.set-body button')].find(b => b.textContent === '{words}')")
    };
    tab.until(&format!(
        "{body}.includes('all others') && {body}.includes('Nothing would be removed now.')"
    ));
    // A hold is made; its text is text.
    let type_into = |label: &str, text: &str| {
        // A name may stand there already: the browser keeps it.
        let form = "form[aria-label=\"A new legal hold\"]";
        let field = format!(
            "([...document.querySelectorAll('{form} .form-field')].find(f => f.querySelector('span').textContent === '{label}')?.querySelector('input') \
             ?? document.querySelector('{form} [aria-label=\"{label}\"]'))"
        );
        tab.click(&field);
        tab.eval::<bool>(&format!("{field}.select(), true"));
        tab.type_text(text);
    };
    tab.click(&button("Hold something"));
    type_into("Case", "R-<b>1</b>");
    type_into("Reason", "dispute");
    type_into("Lines", "service.name:nobody");
    type_into("Your name", "counsel");
    tab.press("Tab");
    tab.until(&format!("!{}.disabled", button("Hold")));
    tab.click(&button("Hold"));
    tab.until(&format!(
        "{body}.includes('R-<b>1</b>') && {body}.includes('in force since')"
    ));
    // It is released with a reason, which stays.
    tab.click(&button("Release"));
    tab.click("document.querySelector('[aria-label=\"Why it ends\"]')");
    tab.type_text("settled");
    tab.click("document.querySelector('[aria-label=\"Release the hold\"] button')");
    tab.until(&format!("{body}.includes('released by counsel')"));
    // A change is looked at before it is put in force.
    tab.click(&button("Change"));
    tab.until(&format!("{}?.disabled === true", button("Put in force")));
    tab.click(&button("What would go?"));
    tab.until(&format!("{}?.disabled === false", button("Put in force")));
    tab.click(&button("Leave as it is"));
    tab.until(&format!("!!{}", button("Change")));
}
