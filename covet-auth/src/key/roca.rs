//! Infineon's weak RSA keys (CVE-2017-15361): their primes are powers of 65537 modulo a product of small primes,
//! and so the modulus is one too, modulo each of them. A random modulus passes all of these with odds of 2^-27.

const PRIMES: [u16; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Whether the modulus (big-endian) carries the mark.
pub(super) fn is_marked(modulus: &[u8]) -> bool {
    PRIMES.into_iter().all(|prime| is_power_of_65537(remainder(modulus, prime), prime))
}

fn remainder(number: &[u8], prime: u16) -> u16 {
    let rest = number.iter().fold(0u32, |rest, &byte| (rest << 8 | u32::from(byte)) % u32::from(prime));
    u16::try_from(rest).unwrap_or(0)
}

fn is_power_of_65537(residue: u16, prime: u16) -> bool {
    let prime = u32::from(prime);
    let generator = 65537 % prime;
    let mut power = 1;
    for _ in 0..prime {
        if power == u32::from(residue) {
            return true;
        }
        power = power * generator % prime;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_the_generator_are_marked_and_neighbours_are_not() {
        // 65537^5, as any modulus made of marked primes would look modulo every small prime.
        let marked = 65537u128.pow(5).to_be_bytes();
        assert!(is_marked(&marked));
        let unmarked = (65537u128.pow(5) + 2).to_be_bytes();
        assert!(!is_marked(&unmarked));
    }
}
