//! The `prompt` parameter (OpenID Connect Core 1.0, section 3.1.2.1).

/// What a client asks to happen before it gets an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// The person proves again who they are.
    Login,
    /// The person is asked for consent.
    Consent,
    /// The person chooses an account.
    SelectAccount,
}

/// The prompts of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    none: bool,
    asked: Vec<Prompt>,
}

impl Prompts {
    /// Parses the value: values separated by spaces; `none` only alone. `Err` says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut prompts = Self::default();
        for word in text.split(' ').filter(|word| !word.is_empty()) {
            let prompt = match word {
                "none" => {
                    prompts.none = true;
                    continue;
                }
                "login" => Prompt::Login,
                "consent" => Prompt::Consent,
                "select_account" => Prompt::SelectAccount,
                _ => return Err("prompt has a value other than none, login, consent and select_account"),
            };
            if !prompts.asks(prompt) {
                prompts.asked.push(prompt);
            }
        }
        if prompts.none && !prompts.asked.is_empty() {
            return Err("prompt has none together with another value");
        }
        Ok(prompts)
    }

    /// Whether no page may be shown.
    pub fn is_none(&self) -> bool {
        self.none
    }

    /// Whether that is asked for.
    pub fn asks(&self, prompt: Prompt) -> bool {
        self.asked.contains(&prompt)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        assert!(Prompts::parse("none").unwrap().is_none());
        assert!(Prompts::parse("login").unwrap().asks(Prompt::Login));
        let both = Prompts::parse("login consent").unwrap();
        assert!(both.asks(Prompt::Login) && both.asks(Prompt::Consent) && !both.asks(Prompt::SelectAccount) && !both.is_none());
        for text in ["none login", "login none", "create", "LOGIN", "login,consent"] {
            assert!(Prompts::parse(text).is_err(), "{text}");
        }
    }
}
