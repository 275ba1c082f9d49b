//! `hash(x, …)`: Spark's Murmur3, of 32 bits with the seed 42.
//!
//! Whoever puts rows into buckets by it must get the same ones.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, TimeUnit,
};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::logical_expr::ScalarUDF;

use super::super::clocks;
use super::plain;

pub(super) fn function() -> ScalarUDF {
    let takes = |types: &[DataType]| match types.is_empty() {
        true => plan_err!("hash takes values"),
        false => Ok(types.to_vec()),
    };
    plain::function(
        "spark:hash",
        takes,
        |_| DataType::Int32,
        |args, config| {
            let zone = clocks::of_session(config);
            let rows = args[0].len();
            let args = args.iter().map(|arg| absolute(arg, zone)).collect::<Result<Vec<_>>>()?;
            let hashes = (0..rows).map(|row| {
                let all = args.iter().try_fold(SEED, |seed, arg| of_value(arg, row, seed));
                all.map(|hash| Some(hash as i32))
            });
            Ok(Arc::new(hashes.collect::<Result<Int32Array>>()?) as ArrayRef)
        },
    )
}

const SEED: u32 = 42;

/// A timestamp without a zone as the instant that it is in the session's.
fn absolute(of: &ArrayRef, zone: &str) -> Result<ArrayRef> {
    match of.data_type() {
        DataType::Timestamp(_, None) => Ok(Arc::new(clocks::instants(of, zone)?)),
        _ => Ok(Arc::clone(of)),
    }
}

fn of_value(values: &ArrayRef, row: usize, seed: u32) -> Result<u32> {
    if values.is_null(row) {
        return Ok(seed);
    }
    let as_type = |of: DataType| cast(&values.slice(row, 1), &of);
    Ok(match values.data_type() {
        DataType::Null => seed,
        DataType::Boolean => of_int(u32::from(values.as_boolean().value(row)), seed),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            let value = as_type(DataType::Int32)?;
            of_int(value.as_primitive::<Int32Type>().value(0) as u32, seed)
        }
        DataType::Date32 => of_int(values.as_primitive::<Date32Type>().value(row) as u32, seed),
        DataType::Int64 => of_long(values.as_primitive::<Int64Type>().value(row) as u64, seed),
        DataType::Timestamp(_, zone) => {
            let micros = as_type(DataType::Timestamp(TimeUnit::Microsecond, zone.clone()))?;
            let micros = cast(&micros, &DataType::Int64)?;
            of_long(micros.as_primitive::<Int64Type>().value(0) as u64, seed)
        }
        DataType::Float32 => {
            let value = values.as_primitive::<Float32Type>().value(row);
            of_int((value + 0.0).to_bits(), seed)
        }
        DataType::Float64 => {
            let value = values.as_primitive::<Float64Type>().value(row);
            of_long((value + 0.0).to_bits(), seed)
        }
        DataType::Decimal128(precision, _) => {
            let value = values.as_primitive::<Decimal128Type>().value(row);
            match *precision <= 18 {
                true => of_long(value as i64 as u64, seed),
                false => of_bytes(least_bytes(&value.to_be_bytes()), seed),
            }
        }
        of if of.is_string() => {
            let text = as_type(DataType::Utf8)?;
            of_bytes(text.as_string::<i32>().value(0).as_bytes(), seed)
        }
        DataType::Binary => of_bytes(values.as_binary::<i32>().value(row), seed),
        DataType::List(_) => {
            let items = values.as_list::<i32>().value(row);
            (0..items.len()).try_fold(seed, |seed, at| of_value(&items, at, seed))?
        }
        DataType::Struct(_) => {
            let columns = values.as_struct().columns();
            columns.iter().try_fold(seed, |seed, column| of_value(column, row, seed))?
        }
        of => return exec_err!("hash of {of} is not supported: cast it first"),
    })
}

/// Without bytes that only repeat the sign (Java's `BigInteger.toByteArray`).
fn least_bytes(bytes: &[u8]) -> &[u8] {
    let sign = if bytes[0] & 0x80 == 0 { 0 } else { 0xFF };
    let mut from = 0;
    while from + 1 < bytes.len() && bytes[from] == sign && (bytes[from + 1] ^ sign) & 0x80 == 0 {
        from += 1;
    }
    &bytes[from..]
}

fn mixed(hash: u32, word: u32) -> u32 {
    let word = word.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    (hash ^ word).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64)
}

fn finished(hash: u32, length: u32) -> u32 {
    let hash = hash ^ length;
    let hash = (hash ^ (hash >> 16)).wrapping_mul(0x85eb_ca6b);
    let hash = (hash ^ (hash >> 13)).wrapping_mul(0xc2b2_ae35);
    hash ^ (hash >> 16)
}

fn of_int(value: u32, seed: u32) -> u32 {
    finished(mixed(seed, value), 4)
}

fn of_long(value: u64, seed: u32) -> u32 {
    finished(mixed(mixed(seed, value as u32), (value >> 32) as u32), 8)
}

/// Bytes that make no whole word are mixed one by one, with their sign.
fn of_bytes(bytes: &[u8], seed: u32) -> u32 {
    let words = bytes.chunks_exact(4);
    let rest = words.remainder();
    let hash = words.fold(seed, |hash, word| {
        mixed(hash, u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    });
    let hash = rest.iter().fold(hash, |hash, byte| mixed(hash, *byte as i8 as i32 as u32));
    finished(hash, bytes.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_sparks() {
        assert_eq!(of_int(1, SEED) as i32, -559_580_957);
        assert_eq!(of_long(1, SEED) as i32, -1_712_319_331);
        assert_eq!(of_bytes(b"abcde", SEED) as i32, 814_637_928);
        assert_eq!(of_bytes("héllo wörld".as_bytes(), SEED) as i32, -281_075_962);
        assert_eq!(of_bytes(b"", SEED) as i32, 142_593_372);
        assert_eq!(least_bytes(&(-1_i128).to_be_bytes()), [0xFF]);
        assert_eq!(least_bytes(&128_i128.to_be_bytes()), [0, 128]);
    }
}
