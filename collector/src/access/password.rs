//! Passwords: Argon2id with the least that OWASP's Password Storage Cheat Sheet asks for (19 MiB, two
//! passes, one lane), kept as PHC strings. What was hashed with less is hashed anew when it is used.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::AccessError;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;
/// A longer one is refused unread.
pub(super) const PASSWORD_BYTES_MAX: usize = 1024;
/// So long one waits for its turn.
const TURN_MAX: Duration = Duration::from_secs(10);

/// Checks passwords, few at once: each takes 19 MiB.
#[derive(Debug)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new(concurrent_max: usize) -> Self {
        Self {
            turns: Arc::new(Semaphore::new(concurrent_max.max(1))),
        }
    }

    /// Whether the password is that of the PHC string. Where there is none, the same work is done for
    /// nothing, so that nobody learns by the time it takes which accounts there are.
    pub(super) async fn is(&self, password: String, phc: Option<String>) -> Result<bool, AccessError> {
        self.turn(move || {
            // Made at the first login, whoever's it is.
            let of_nobody = of_nobody();
            match phc {
                Some(phc) => verify(&password, &phc),
                None => {
                    verify(&password, of_nobody);
                    false
                }
            }
        })
        .await
    }

    /// The PHC string of a password.
    pub(super) async fn hash(&self, password: String) -> Result<String, AccessError> {
        self.turn(move || hash(&password)).await
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AccessError> {
        let turn = tokio::time::timeout(TURN_MAX, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else {
            return Err(AccessError::Busy);
        };
        let done = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        done.await.map_err(|error| AccessError::Failed(error.to_string()))
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("these are within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Blocks for as long as it takes.
pub(super) fn hash(password: &str) -> String {
    hash_by(&argon2(), password)
}

/// As an older program would have.
#[cfg(test)]
pub(super) fn hash_with(password: &str, memory_kib: u32, passes: u32) -> String {
    let params = Params::new(memory_kib, passes, LANES, None).unwrap();
    hash_by(&Argon2::new(Algorithm::Argon2id, Version::V0x13, params), password)
}

fn hash_by(argon2: &Argon2<'_>, password: &str) -> String {
    let salt: [u8; SALT_BYTES] = rand::random();
    let salt = SaltString::encode_b64(&salt).expect("16 bytes are a salt");
    let hash = argon2
        .hash_password(password.as_bytes(), &salt)
        .expect("a salt of 16 bytes and a password below 4 GiB are within Argon2's limits");
    hash.to_string()
}

fn verify(password: &str, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
}

/// A hash that no account has.
fn of_nobody() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| hash("of nobody"))
}

/// Whether a PHC string was made with other settings than ours.
pub(super) fn is_outdated(phc: &str) -> bool {
    !phc.starts_with(&format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}$"))
}

/// # Errors
/// Why a password will not do.
pub(super) fn check(password: &str, name: &str, chars_min: usize) -> Result<(), AccessError> {
    let bad = |why: String| Err(AccessError::Bad(why));
    if password.len() > PASSWORD_BYTES_MAX {
        return bad(format!("a password has at most {PASSWORD_BYTES_MAX} bytes"));
    }
    if password.chars().count() < chars_min {
        return bad(format!(
            "a password has at least {chars_min} characters (`access.password_chars_min`)"
        ));
    }
    let first = password.chars().next();
    if password.chars().all(|c| Some(c) == first) || password.to_lowercase().contains(name) {
        return bad("this password is the first that somebody would guess: take another one".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_itself_and_no_other_and_no_two_hashes_are_alike() {
        let phc = hash("correct horse battery");
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(verify("correct horse battery", &phc) && !verify("correct horse batterz", &phc));
        assert_ne!(phc, hash("correct horse battery"));
        assert!(!is_outdated(&phc));
    }

    #[test]
    fn what_was_hashed_with_less_still_holds_and_is_outdated() {
        let phc = hash_with("an older one", 4096, 1);
        assert!(is_outdated(&phc) && verify("an older one", &phc));
    }

    #[test]
    fn guessable_passwords_are_refused() {
        for bad in ["short", "aaaaaaaaaaaaaaaa", "i-am-anna-and-i-know-it"] {
            assert!(check(bad, "anna", 12).is_err(), "{bad}");
        }
        assert!(check(&"x".repeat(2000), "anna", 12).is_err());
        check("correct horse battery", "anna", 12).unwrap();
    }

    #[tokio::test]
    async fn a_password_of_nobody_is_never_right() {
        let passwords = Passwords::new(1);
        assert!(!passwords.is("of nobody".into(), None).await.unwrap());
        assert!(!passwords.is("x".into(), Some("no PHC string".into())).await.unwrap());
    }
}
