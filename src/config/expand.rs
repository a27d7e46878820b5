//! `${VAR}` and `${file:PATH}` in a configuration's text.

/// Puts values in place. They are escaped as in a TOML basic string, so that a value cannot end
/// the string it stands in; lines that are comments are left alone.
///
/// # Errors
/// A sentence that names line and variable.
pub(super) fn expand(text: &str) -> Result<String, String> {
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split_inclusive('\n').enumerate() {
        if line.trim_start().starts_with('#') {
            out.push_str(line);
        } else {
            expand_line(line, &mut out).map_err(|message| format!("line {}: {message}", number + 1))?;
        }
    }
    Ok(out)
}

fn expand_line(line: &str, out: &mut String) -> Result<(), String> {
    let mut rest = line;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            out.push_str(&rest[..at - 1]);
            out.push_str("${");
            rest = &rest[at + 2..];
            continue;
        }
        out.push_str(&rest[..at]);
        let after = &rest[at + 2..];
        let end = after.find('}').ok_or("`${` without `}`; write `$${` for a plain one")?;
        escape(&value(&after[..end])?, out);
        rest = &after[end + 1..];
    }
    out.push_str(rest);
    Ok(())
}

fn value(name: &str) -> Result<String, String> {
    if let Some(path) = name.strip_prefix("file:") {
        let content = std::fs::read_to_string(path).map_err(|error| format!("${{file:{path}}}: {error}"))?;
        return Ok(content.trim_end_matches(['\r', '\n']).to_owned());
    }
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}

fn escape(value: &str, out: &mut String) {
    for c in value.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn files_and_variables_stand_for_their_content() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        std::fs::write(&file, "a\"b\n").unwrap();
        let text = format!("x = \"${{file:{}}}\" # ok\n", file.display());
        assert_eq!(expand(&text).unwrap(), "x = \"a\\\"b\" # ok\n");
        let path = std::env::var("PATH").unwrap();
        assert_eq!(expand("p = \"${PATH}\"").unwrap(), format!("p = \"{path}\""));
    }

    #[test]
    fn a_missing_variable_is_named_with_its_line() {
        let message = expand("\nx = \"${TIMBERLINE_SURELY_NOT_SET}\"").unwrap_err();
        assert_eq!(
            message,
            "line 2: the environment variable TIMBERLINE_SURELY_NOT_SET is not set"
        );
    }

    #[test]
    fn two_dollars_are_a_plain_one_and_comments_are_left_alone() {
        assert_eq!(expand("x = \"$${A}\"\n# ${B}\n").unwrap(), "x = \"${A}\"\n# ${B}\n");
    }
}
