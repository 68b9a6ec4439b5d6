//! `sasl.jaas.config`: who logs in, in the form of Java's login configuration.

use super::Secret;

/// `CLASS required name="value" …;`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Jaas {
    pub(super) module: String,
    pub(super) options: Vec<(String, Secret)>,
}

/// What the text is made of.
#[derive(PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Equals,
    End,
}

impl Jaas {
    /// Reads one login. Errors say what is expected and never repeat the text, which holds secrets.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut tokens = tokens(text)?.into_iter();
        let Some(Token::Word(module)) = tokens.next() else {
            return Err("expected the class of a login module first".to_owned());
        };
        match tokens.next() {
            Some(Token::Word(flag)) if is_control_flag(&flag) => {}
            _ => {
                return Err(
                    "expected required, requisite, sufficient or optional after the login module"
                        .to_owned(),
                );
            }
        }
        let mut options = Vec::new();
        loop {
            match (tokens.next(), options.len()) {
                (Some(Token::End), _) => break,
                (Some(Token::Word(name) | Token::Quoted(name)), _) => {
                    let value = match (tokens.next(), tokens.next()) {
                        (Some(Token::Equals), Some(Token::Word(value) | Token::Quoted(value))) => {
                            value
                        }
                        _ => return Err(format!("expected {name}=\"value\"")),
                    };
                    options.push((name, Secret::new(value)));
                }
                (_, number) => {
                    return Err(format!("expected ';' or an option after option {number}"));
                }
            }
        }
        if tokens.next().is_some() {
            return Err("expected one login, which ends with ';'".to_owned());
        }
        Ok(Self { module, options })
    }

    pub(super) fn option(&self, name: &str) -> Option<&Secret> {
        let found = self.options.iter().find(|(option, _)| option == name);
        found.map(|(_, value)| value)
    }
}

fn is_control_flag(word: &str) -> bool {
    let flags = ["required", "requisite", "sufficient", "optional"];
    flags.iter().any(|flag| flag.eq_ignore_ascii_case(word))
}

/// The tokens as Java's `StreamTokenizer` finds them: words, texts in either quotes with `\` before special characters,
/// comments.
fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(char) = rest.next() {
        match char {
            ';' => tokens.push(Token::End),
            '=' => tokens.push(Token::Equals),
            '"' | '\'' => tokens.push(Token::Quoted(quoted(&mut rest, char)?)),
            '/' if rest.peek() == Some(&'/') => {
                while rest.next().is_some_and(|char| char != '\n') {}
            }
            '/' if rest.peek() == Some(&'*') => {
                rest.next();
                let mut last = ' ';
                loop {
                    match rest.next() {
                        Some('/') if last == '*' => break,
                        Some(char) => last = char,
                        None => return Err("a comment has no end".to_owned()),
                    }
                }
            }
            char if char.is_whitespace() => {}
            char if is_in_word(char) => {
                let mut word = String::from(char);
                while let Some(char) = rest.next_if(|char| is_in_word(*char)) {
                    word.push(char);
                }
                tokens.push(Token::Word(word));
            }
            _ => {
                return Err(
                    "a character stands outside of quotes that has to be inside of them".to_owned(),
                );
            }
        }
    }
    Ok(tokens)
}

fn is_in_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '-' | '$' | '.')
}

fn quoted(rest: &mut impl Iterator<Item = char>, quote: char) -> Result<String, String> {
    let unended = || "a text in quotes has no end".to_owned();
    let mut text = String::new();
    loop {
        match rest.next().ok_or_else(unended)? {
            '\\' => text.push(match rest.next().ok_or_else(unended)? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                char => char,
            }),
            '\n' => return Err(unended()),
            char if char == quote => return Ok(text),
            char => text.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_read_as_java_reads_it() {
        for text in [
            r#"a.b.PlainLoginModule required username="alice" password="s\"e;c=ret";"#,
            "a.b.PlainLoginModule  REQUIRED\n username=alice // who\n password='s\"e;c=ret' ;",
            r#"/* who */ a.b.PlainLoginModule optional "username"="alice" password = "s\"e;c=ret" ;"#,
        ] {
            let jaas = Jaas::parse(text).unwrap_or_else(|reason| panic!("{text}: {reason}"));
            assert_eq!(jaas.module, "a.b.PlainLoginModule", "{text}");
            assert_eq!(jaas.option("username"), Some(&Secret::new("alice")));
            assert_eq!(jaas.option("password"), Some(&Secret::new("s\"e;c=ret")));
            assert_eq!(jaas.options.len(), 2, "{text}");
        }
    }

    #[test]
    fn what_is_no_login_is_refused_without_its_secrets() {
        for text in [
            "",
            ";",
            "geheim",
            "a.b.C geheim;",
            r#"a.b.C required password="geheim""#,
            r#"a.b.C required password="geheim;"#,
            r#"a.b.C required password "geheim";"#,
            r#"a.b.C required password=;"#,
            r#"a.b.C required password=geheim!;"#,
            r#"a.b.C required password="geheim"; d.e.F required;"#,
            r#"a.b.C required /* password="geheim";"#,
        ] {
            let reason = Jaas::parse(text).expect_err(text);
            assert!(!reason.contains("geheim"), "{text}: {reason}");
        }
    }
}
