/// `y = W x + b`; `weights` is (O, I), row by row.
fn dense(weights: &[f32], bias: &[f32], x: &[f32], y: &mut [f32]) {
    for ((y, row), bias) in y.iter_mut().zip(weights.chunks_exact(x.len())).zip(bias) {
        *y = row.iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + bias;
    }
}

/// `y = x + b`.
fn add(bias: &[f32], x: &[f32], y: &mut [f32]) {
    for ((y, x), bias) in y.iter_mut().zip(x).zip(bias) {
        *y = x + bias;
    }
}

fn relu(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.max(0.0));
}

fn sigmoid(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = 1.0 / (1.0 + exp(-*x)));
}

fn tanh(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = 1.0 - 2.0 / (exp(2.0 * *x) + 1.0));
}

/// The greatest is subtracted first, so that nothing overflows.
fn softmax(x: &mut [f32]) {
    let greatest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    x.iter_mut().for_each(|x| *x = exp(*x - greatest));
    let sum: f32 = x.iter().sum();
    x.iter_mut().for_each(|x| *x /= sum);
}

/// The place of the greatest; the lowest of those that share it.
fn greatest(x: &[f32]) -> usize {
    (1..x.len()).fold(0, |best, i| if x[i] > x[best] { i } else { best })
}

/// `e^x`, which `core` does not have: `x = n ln 2 + r`, `e^r` by the polynomial of Cephes' `expf` (Moshier 1992), times
/// `2^n` by its bits. Beyond ±87 it stays what it is there: 1.6e-38 and 6e37.
fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 87.0);
    let n = (x * core::f32::consts::LOG2_E + if x < 0.0 { -0.5 } else { 0.5 }) as i32;
    let r = x - n as f32 * 0.693_359_4 + n as f32 * 2.121_944_4e-4; // ln 2 in two parts: the first product is exact
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_2e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    (p * r * r + r + 1.0) * f32::from_bits(((n + 127) as u32) << 23)
}
