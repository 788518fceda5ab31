//! Comments that the program reads: declarations and `-- lint: allow`.

use zenith_db::Backend;
use zenith_db::internal::migrations::{Declaration, INTENTS, declarations};

use super::finding::Finding;
use super::lint_rule::LintRule;
use super::sources::SourceScript;

/// Finds malformed declarations, and comments that look like misspelt ones.
pub(super) fn malformed_declarations(script: &SourceScript, backend: Backend) -> Vec<Finding> {
    let advice = "write -- loses-rows: TABLE REASON, -- loses-columns: TABLE (COLUMNS) REASON or \
                  -- changes-rows: TABLE (COLUMNS) REASON on a line of its own";
    let (_, faults) = declarations(&script.text, backend);
    let mut found: Vec<Finding> = faults
        .into_iter()
        .map(|(line, fault)| script.finding(line, LintRule::MalformedDeclaration, fault, advice))
        .collect();
    for (index, line) in script.text.lines().enumerate() {
        let Some((_, comment)) = line.split_once("--") else { continue };
        let comment = comment.trim_start().to_lowercase();
        let meant = INTENTS.iter().find(|(word, _)| {
            let start: String = comment.chars().take(word.chars().count()).collect();
            let first = comment.split_whitespace().next().unwrap_or_default();
            let near = |text: &str| strsim::damerau_levenshtein(text, word) <= 2;
            near(first) || (start.ends_with(':') && near(&start))
        });
        let exact =
            |word: &str| line.strip_prefix("--").is_some_and(|rest| rest.trim().starts_with(word));
        if let Some((word, _)) = meant.filter(|(word, _)| !exact(word)) {
            let problem = format!("this is no declaration: the line must begin with -- and {word}");
            found.push(script.finding(index + 1, LintRule::MalformedDeclaration, problem, advice));
        }
    }
    found
}

/// Finds declarations about tables that the script does not touch.
pub(super) fn idle_declarations(
    script: &SourceScript,
    declared: &[Declaration],
    touched: &[String],
) -> Vec<Finding> {
    let idle = |declaration: &&Declaration| !touched.contains(&declaration.table);
    declared
        .iter()
        .filter(idle)
        .map(|declaration| {
            script.finding(
                declaration.line,
                LintRule::IdleDeclaration,
                format!("the script does not touch table {}", declaration.table),
                "correct the name of the table, or remove the declaration",
            )
        })
        .collect()
}

/// Comment `-- lint: allow`.
struct AllowComment {
    line: usize,
    /// Rule that the script may break, or the fault of the comment.
    rule: Result<LintRule, String>,
}

fn allow_comments(script: &SourceScript) -> Vec<AllowComment> {
    let parse = |text: &str| {
        let (name, reason) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let rule = LintRule::ALL.iter().copied().find(|rule| rule.as_str() == name);
        match rule {
            None => Err(format!("no rule is named {name:?}")),
            Some(LintRule::BadAllow) => Err("bad-allow cannot be allowed".to_owned()),
            Some(_) if reason.trim().is_empty() => Err("the reason is missing".to_owned()),
            Some(rule) => Ok(rule),
        }
    };
    let lines = script.text.lines().enumerate();
    lines
        .filter_map(|(index, line)| {
            let comment = line.trim_start().strip_prefix("--")?.trim();
            let text = comment.strip_prefix("lint:")?.trim();
            let rule = match text.strip_prefix("allow ") {
                Some(text) => parse(text.trim()),
                None => Err("allow must follow lint:".to_owned()),
            };
            Some(AllowComment { line: index + 1, rule })
        })
        .collect()
}

/// Returns the findings that no script allows, and adds those about the comments that allow.
pub(super) fn without_allowed(scripts: &[&SourceScript], found: Vec<Finding>) -> Vec<Finding> {
    let (mut kept, mut bad) = (found, Vec::new());
    for script in scripts {
        let of_script = |f: &Finding, rule| f.file == script.file && f.rule == rule;
        let allows = allow_comments(script);
        for AllowComment { line, rule } in &allows {
            let problem = match rule {
                Ok(rule) if kept.iter().any(|f| of_script(f, *rule)) => continue,
                Ok(rule) => format!("nothing in this script breaks {rule}"),
                Err(problem) => problem.clone(),
            };
            let advice = "write -- lint: allow RULE REASON, or remove the line";
            bad.push(script.finding(*line, LintRule::BadAllow, problem, advice));
        }
        let allowed =
            |f: &Finding| allows.iter().any(|a| a.rule.as_ref().is_ok_and(|r| of_script(f, *r)));
        kept.retain(|finding| !allowed(finding));
    }
    kept.extend(bad);
    kept
}
