//! Parser of the expressions of PostgreSQL, as they are written and as the server prints them.

use super::super::words::Words;
use super::tree::{Expression, number, plain};

/// Depth up to which an expression is parsed, so that one that others have made cannot exhaust the stack.
const DEEPEST: usize = 100;

/// How strongly operators bind, after the manual of PostgreSQL.
mod binding {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const IS: u8 = 4;
    pub(super) const COMPARISON: u8 = 5;
    pub(super) const RANGE: u8 = 6;
    pub(super) const OTHER: u8 = 7;
    pub(super) const SUM: u8 = 8;
    pub(super) const PRODUCT: u8 = 9;
    pub(super) const POWER: u8 = 10;
    pub(super) const ZONE: u8 = 11;
    pub(super) const COLLATION: u8 = 12;
    pub(super) const SIGN: u8 = 13;
    pub(super) const CAST: u8 = 14;
}

impl Expression {
    /// Parses an expression. `None` if it has a form that the library does not use.
    pub(crate) fn of(words: &Words) -> Option<Self> {
        let mut parser = Parser::at(words, 0);
        parser.whole().filter(|_| parser.is_at_end())
    }

    /// Parses the expression with which these words begin.
    pub(in super::super) fn beginning(words: &Words) -> Option<Self> {
        Parser::at(words, 0).whole()
    }

    /// Parses what a `CREATE INDEX` says of the key and the rows of the index. Storage parameters and the tablespace are
    /// left out: they are the operator's.
    pub(crate) fn of_index(statement: &Words) -> Option<Self> {
        let at = statement.name_at(statement.after("ON")?) + 1;
        Parser::at(statement, at).index()
    }
}

/// Parser at a position among words.
struct Parser<'a> {
    words: &'a Words,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    const fn at(words: &'a Words, at: usize) -> Self {
        Self { words, at, depth: 0 }
    }

    const fn is_at_end(&self) -> bool {
        self.at >= self.words.len()
    }

    /// Parses an expression as far as it goes.
    fn whole(&mut self) -> Option<Expression> {
        self.expression(binding::OR)
    }

    /// Skips these keywords or this sign if they are next.
    fn skip(&mut self, keywords: &str) -> bool {
        let found = self.words.at(self.at, keywords);
        if found {
            self.at += keywords.split(' ').count();
        }
        found
    }

    fn expect(&mut self, keywords: &str) -> Option<()> {
        self.skip(keywords).then_some(())
    }

    /// Returns the next word, and goes on to the one after it.
    fn next(&mut self) -> Option<String> {
        let word = self.words.get(self.at).to_owned();
        self.at += 1;
        (!word.is_empty()).then_some(word)
    }

    /// Parses an expression whose operators bind at least so strongly.
    fn expression(&mut self, least: u8) -> Option<Expression> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let mut left = self.operand()?;
        while let Some((strength, operator, length)) = self.operator() {
            if strength < least {
                break;
            }
            self.at += length;
            left = self.operation(left, strength, &operator)?;
        }
        self.depth -= 1;
        Some(left)
    }

    /// Returns the operator that is next, how strongly it binds, and the number of its words.
    fn operator(&self) -> Option<(u8, String, usize)> {
        const SIGNS: &str = "+-*/<>=~!@#%^&|?";
        const WORDS: [(&str, u8); 13] = [
            ("OR", binding::OR),
            ("AND", binding::AND),
            ("IS NOT", binding::IS),
            ("IS", binding::IS),
            ("NOT BETWEEN", binding::RANGE),
            ("BETWEEN", binding::RANGE),
            ("NOT IN", binding::RANGE),
            ("IN", binding::RANGE),
            ("NOT LIKE", binding::RANGE),
            ("LIKE", binding::RANGE),
            ("AT TIME ZONE", binding::ZONE),
            ("COLLATE", binding::COLLATION),
            (": :", binding::CAST),
        ];
        let word = WORDS.iter().find(|(word, _)| self.words.at(self.at, word));
        if let Some((word, strength)) = word {
            return Some((*strength, (*word).to_owned(), word.split(' ').count()));
        }
        let mut signs = String::new();
        while let Some(sign) =
            self.words.sign(self.at + signs.len()).filter(|it| SIGNS.contains(*it))
        {
            signs.push(sign);
        }
        // By the rule of PostgreSQL, the sign of a number after an operator is no part of that.
        if signs.len() > 1 && !signs.contains(['~', '!', '@', '#', '%', '^', '&', '|', '?']) {
            let kept = signs.trim_end_matches(['+', '-']).len().max(1);
            signs.truncate(kept);
        }
        let length = signs.len();
        let strength = match signs.as_str() {
            "" => return None,
            "<" | ">" | "=" | "<=" | ">=" | "<>" | "!=" => binding::COMPARISON,
            "+" | "-" => binding::SUM,
            "*" | "/" | "%" => binding::PRODUCT,
            "^" => binding::POWER,
            _ => binding::OTHER,
        };
        Some((strength, if signs == "!=" { "<>".to_owned() } else { signs }, length))
    }

    /// Parses what follows an operator.
    fn operation(&mut self, left: Expression, strength: u8, operator: &str) -> Option<Expression> {
        let is_not = operator.contains("NOT");
        Some(match operator {
            "OR" => Expression::join("or", left, self.expression(strength + 1)?),
            "AND" => Expression::join("and", left, self.expression(strength + 1)?),
            "IS" | "IS NOT" if self.skip("DISTINCT FROM") => {
                let distinct =
                    Expression::new("is distinct from", vec![left, self.expression(strength + 1)?]);
                if is_not { Expression::new("not", vec![distinct]) } else { distinct }
            }
            "IS" | "IS NOT" => {
                let state = self.next()?;
                Expression::new(format!("{operator} {state}"), vec![left])
            }
            "BETWEEN" | "NOT BETWEEN" => {
                let low = self.expression(binding::OTHER)?;
                self.expect("AND")?;
                let high = self.expression(binding::OTHER)?;
                let (join, from, to) = if is_not { ("or", "<", ">") } else { ("and", ">=", "<=") };
                let low = Expression::new(from, vec![left.clone(), low]);
                Expression::join(join, low, Expression::new(to, vec![left, high]))
            }
            "IN" | "NOT IN" => {
                self.expect("(")?;
                let mut values = self.list(")")?;
                let (one, many) = if is_not { ("<>", "<> ALL") } else { ("=", "= ANY") };
                match values.pop() {
                    Some(value) if values.is_empty() => Expression::new(one, vec![left, value]),
                    last => {
                        values.extend(last);
                        Expression::new(many, vec![left, Expression::new("ARRAY", values)])
                    }
                }
            }
            "LIKE" | "NOT LIKE" => {
                let head = if is_not { "!~~" } else { "~~" };
                Expression::new(head, vec![left, self.expression(binding::OTHER)?])
            }
            // As the function that it is.
            "AT TIME ZONE" => {
                Expression::new("timezone()", vec![self.expression(strength + 1)?, left])
            }
            "COLLATE" => Expression::new(format!("COLLATE {}", self.next()?), vec![left]),
            ": :" => left.cast(&self.kind()?)?,
            _ => match ["ANY", "ALL"].into_iter().find(|word| self.skip(word)) {
                Some(word) => {
                    Expression::new(format!("{operator} {word}"), vec![left, self.inside()?])
                }
                None => Expression::new(operator, vec![left, self.expression(strength + 1)?]),
            },
        })
    }

    /// Parses an operand: what stands before, after or without an operator.
    fn operand(&mut self) -> Option<Expression> {
        if self.words.at(self.at, "(") {
            return self.inside();
        }
        if self.skip("NOT") {
            return Some(Expression::new("not", vec![self.expression(binding::NOT)?]));
        }
        if self.skip("-") {
            let of = self.expression(binding::SIGN)?;
            return Some(if of.is_number() && !of.head.starts_with('-') && of.head != "0" {
                Expression::new(format!("-{}", of.head), Vec::new())
            } else {
                Expression::new("-", vec![of])
            });
        }
        if self.skip("CASE") {
            return self.case();
        }
        if self.skip("ARRAY [") {
            return Some(Expression::new("ARRAY", self.list("]")?));
        }
        if let Some(text) = self.words.literal(self.at) {
            self.at += 1;
            return Some(Expression::new(plain(text)?, Vec::new()));
        }
        if self.words.sign(self.at).is_some() {
            return None;
        }
        let word = self.next()?;
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(Expression::new(number(&word)?, Vec::new()));
        }
        if !self.skip("(") {
            return Some(Expression::new(format!("\"{word}"), Vec::new()));
        }
        // The server prints `trim(x)` with these words, or as the function that it is.
        let is_trim = word == "trim";
        if is_trim {
            self.skip("BOTH FROM");
        }
        let name = if is_trim { "btrim" } else { &word };
        Some(Expression::new(format!("{name}()"), self.list(")")?))
    }

    /// Parses an expression in parentheses.
    fn inside(&mut self) -> Option<Expression> {
        self.expect("(")?;
        let found = self.whole()?;
        self.expect(")")?;
        Some(found)
    }

    /// Parses expressions between commas, and what ends them.
    fn list(&mut self, end: &str) -> Option<Vec<Expression>> {
        let mut found = Vec::new();
        while !self.skip(end) {
            if !found.is_empty() {
                self.expect(",")?;
            }
            found.push(self.whole()?);
        }
        Some(found)
    }

    /// Parses a `CASE` after that word.
    fn case(&mut self) -> Option<Expression> {
        let mut operands = Vec::new();
        let mut head = "CASE";
        if !self.words.at(self.at, "WHEN") {
            head = "CASE of";
            operands.push(self.whole()?);
        }
        while self.skip("WHEN") {
            operands.push(self.whole()?);
            self.expect("THEN")?;
            operands.push(self.whole()?);
        }
        if self.skip("ELSE") {
            operands.push(self.whole()?);
        }
        self.expect("END")?;
        Some(Expression::new(head, operands))
    }

    /// Returns the type of a cast.
    fn kind(&mut self) -> Option<String> {
        let mut kind = self.next()?;
        for more in ["PRECISION", "VARYING", "WITHOUT TIME ZONE", "WITH TIME ZONE", "[ ]"] {
            if self.skip(more) {
                kind = format!("{kind} {}", more.to_lowercase());
            }
        }
        Some(kind)
    }

    /// Parses a `CREATE INDEX` after the table.
    fn index(&mut self) -> Option<Expression> {
        let mut operands = Vec::new();
        let mut head = if self.skip("USING") { self.next()? } else { "btree".to_owned() };
        self.expect("(")?;
        while !self.skip(")") {
            self.skip(",");
            let key = self.whole()?;
            // The class of operators, and the order.
            let mut order = String::from("key");
            while !self.words.is_any(self.at, &[",", ")"]) {
                order = format!("{order} {}", self.next()?);
            }
            operands.push(Expression::new(order, vec![key]));
        }
        while !self.is_at_end() {
            if self.skip("WHERE") {
                operands.push(Expression::new("WHERE", vec![self.whole()?]));
            } else if self.skip("TABLESPACE") {
                self.next()?;
            } else if self.skip("WITH (") {
                while self.next()? != ")" {}
            } else {
                head = format!("{head} {}", self.next()?);
            }
        }
        Some(Expression::new(head, operands))
    }
}
