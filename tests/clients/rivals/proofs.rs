//! Every proof is good for its own step, in its own browser, and for nothing else.

use super::attempt::{Attempt, PASSWORD, STEPS, Step};
use super::pages::{self, ends_session, given};
use super::{stage, theirs};
use crate::web_client::{Application, Browser, other};

/// A note of one step passes as the proof of another (Keycloak CVE-2026-18963).
#[tokio::test(flavor = "multi_thread")]
async fn each_proof_is_refused_by_each_other_step() {
    let server = stage().await;
    let (attempt, mut browser) = Attempt::of_alice(&server).await;
    for proof in &attempt.proofs {
        let made_up = other(&proof.text);
        for step in STEPS.into_iter().filter(|step| !proof.steps.contains(step)) {
            let replies =
                [attempt.offer(&mut browser.clone(), step, &proof.text).await, attempt.offer(&mut browser.clone(), step, &made_up).await];
            assert_eq!(given(&replies[0]), [""; 0], "{} at {step:?}: {:?}", proof.name, replies[0]);
            assert!(!ends_session(&replies[0]), "{} at {step:?}", proof.name);
            let plain = |reply: &crate::web_client::Reply| reply.without(&proof.text).without(&made_up).without_draws();
            assert_eq!(plain(&replies[0]), plain(&replies[1]), "{} at {step:?}", proof.name);
        }
    }
    // None of that has used one up: at its own step each is taken.
    for step in STEPS {
        let proof = attempt.proofs.iter().find(|proof| proof.steps.contains(&step)).unwrap();
        let reply = attempt.offer(&mut browser, step, &proof.text).await;
        assert!(step.takes(&reply), "{} at {step:?}: {reply:?}", proof.name);
    }
    server.stop().await;
}

/// The same class, with another person: what belongs to one browser is nothing in another's.
#[tokio::test(flavor = "multi_thread")]
async fn no_proof_of_one_browser_is_taken_from_another() {
    let server = stage().await;
    let (attempt, mut alice) = Attempt::of_alice(&server).await;
    let mut bob = Browser::new();
    bob.code(&Application::demo(&server), "bob", "bob-demo-password").await;
    for proof in &attempt.proofs {
        for step in proof.steps.iter().filter(|step| step.is_of_a_browser()) {
            let made_up = other(&proof.text);
            let replies =
                [attempt.offer(&mut bob.clone(), *step, &proof.text).await, attempt.offer(&mut bob.clone(), *step, &made_up).await];
            assert_eq!(given(&replies[0]), [""; 0], "{} at {step:?}: {:?}", proof.name, replies[0]);
            assert!(!ends_session(&replies[0]), "{} at {step:?}", proof.name);
            // A login page says nothing but what an application has asked for, so bob may be asked
            // the same.
            if matches!(step, Step::Login | Step::Leave) && replies[0].login_page().is_some() {
                assert_eq!(replies[1].status, 400, "{}", proof.name);
                continue;
            }
            let plain = |reply: &crate::web_client::Reply| reply.without(&proof.text).without(&made_up).without_draws();
            assert_eq!(plain(&replies[0]), plain(&replies[1]), "{} at {step:?}", proof.name);
        }
    }
    assert!(bob.is_logged_in(&Application::demo(&server)).await);
    let question = attempt.proofs.iter().find(|proof| proof.steps.contains(&Step::Consent)).unwrap();
    assert_eq!(given(&attempt.offer(&mut alice, Step::Consent, &question.text).await), ["code"]);
    server.stop().await;
}

/// The steps of a login through an application of somebody else, done in some order: each with what
/// it needs if that is at hand, and otherwise with the proof that came last.
struct Chain {
    application: Application,
    browser: Browser,
    sealed: Option<String>,
    returned: Option<String>,
    question: Option<pages::Form>,
    code: Option<String>,
    latest: String,
}

impl Chain {
    fn new(application: Application) -> Self {
        let latest = "A".repeat(43);
        Self { application, browser: Browser::new(), sealed: None, returned: None, question: None, code: None, latest }
    }

    fn keep(&mut self, proof: Option<&String>) {
        self.latest = proof.cloned().unwrap_or_else(|| self.latest.clone());
    }

    async fn arrive(&mut self) {
        // What was allowed in another order is asked again.
        let url = self.application.authorize_with(&[("prompt", "consent")]);
        self.sealed = self.browser.get(&url).await.login_page().map(|page| page.sealed_request);
        self.keep(self.sealed.clone().as_ref());
    }

    async fn log_in(&mut self) {
        let sealed = self.sealed.clone().unwrap_or_else(|| self.latest.clone());
        let token = super::attempt::login_token(&self.browser, &sealed);
        let fields = [("sealed_request", sealed.as_str()), ("form_token", &token), ("username", "alice"), ("password", PASSWORD)];
        let reply = self.browser.post(&format!("{}/login", self.application.issuer), &fields).await;
        self.returned = reply.header("location").and_then(|url| Some(url.split_once("interaction=")?.1.to_owned()));
        self.keep(self.returned.clone().as_ref());
    }

    async fn come_back(&mut self) {
        let id = self.returned.clone().unwrap_or_else(|| self.latest.clone());
        let reply = self.browser.get(&format!("{}/oauth2/authorize?interaction={id}", self.application.issuer)).await;
        self.question = pages::find_form(&reply).filter(|form| form.action.ends_with("/oauth2/consent"));
        self.keep(self.question.as_ref().map(|form| form.value("sealed_request").to_owned()).as_ref());
    }

    async fn agree(&mut self) {
        let url = format!("{}/oauth2/consent", self.application.issuer);
        let token = super::attempt::login_token(&self.browser, &self.latest);
        let fields = [("sealed_request", self.latest.as_str()), ("form_token", token.as_str())];
        let fields = self.question.as_ref().map_or(fields.to_vec(), pages::Form::pairs);
        let reply = self.browser.post(&url, &[&fields[..], &[("decision", "allow")]].concat()).await;
        self.code = reply.header("location").and_then(|_| reply.parameter("code"));
        self.keep(self.code.clone().as_ref());
    }

    async fn redeem(&mut self) -> bool {
        let code = self.code.clone().unwrap_or_else(|| self.latest.clone());
        let application = self.application.clone();
        self.browser.redeem(&application, &code).await.status == 200
    }
}

/// Every order of the numbers below `count`.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let insert = |order: Vec<usize>| (0..=last).map(move |place| [&order[..place], &[last], &order[place..]].concat());
    orders(last).into_iter().flat_map(insert).collect()
}

/// The same class: of all orders in which the steps can be taken one leads to tokens.
#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_a_login_lead_to_tokens_in_their_own_order_only() {
    let server = stage().await;
    let orders = orders(5);
    assert_eq!(orders.len(), 120);
    let mut successes = Vec::new();
    for order in orders {
        let mut chain = Chain::new(theirs(&server));
        let mut has_tokens = false;
        for step in &order {
            match step {
                0 => chain.arrive().await,
                1 => chain.log_in().await,
                2 => chain.come_back().await,
                3 => chain.agree().await,
                _ => has_tokens = chain.redeem().await,
            }
        }
        if has_tokens {
            successes.push(order);
        }
    }
    assert_eq!(successes, [[0, 1, 2, 3, 4]]);
    server.stop().await;
}
