//! The page's parts fit each other: what the script looks for is there, and nothing comes from elsewhere.

const PAGE: &str = include_str!("page.html");
const SCRIPT: &str = include_str!("page.js");
const STYLE: &str = include_str!("page.css");

/// What stands between two texts, wherever they do.
fn between<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

#[test]
fn every_element_that_the_script_names_is_on_the_page() {
    let named = between(SCRIPT, "at(\"", '"').into_iter().chain(between(SCRIPT, "rows(\"", '"'));
    let mut count = 0;
    for name in named {
        assert!(PAGE.contains(&format!("id=\"{name}\"")), "{name}");
        count += 1;
    }
    assert!(count > 10);
}

#[test]
fn nothing_comes_from_elsewhere_and_no_text_becomes_markup() {
    for text in [PAGE, SCRIPT, STYLE] {
        let foreign = between(text, "http", ' ');
        assert!(foreign.iter().all(|rest| rest.starts_with("://www.w3.org/2000/svg")), "{foreign:?}");
    }
    for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!SCRIPT.contains(word), "{word}");
    }
    assert!(!PAGE.contains("style=") && !PAGE.contains("onclick="), "the page's own policy forbids these");
}
