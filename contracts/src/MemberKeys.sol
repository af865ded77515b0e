// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {HeqiDomain} from "./libraries/HeqiDomain.sol";
import {Membership} from "./Membership.sol";

/// @title How a member changes its own keys
/// @notice The present account sends and the present identity key signs: whoever has stolen one of them cannot push
/// the member out of the other. New keys prove that somebody holds them. For an agreed time the account and the
/// identity key before count too, so that nothing that is under way is lost.
abstract contract MemberKeys is Membership {
    struct Former {
        uint64 version;
        uint64 accountUntil;
        uint64 identityUntil;
        uint64 logSize;
        address account;
        bytes32 identityX;
        bytes32 identityY;
    }

    uint256 private constant MAX_OVERLAP = 30 days;
    bytes32 private constant CHANGE_KEYS_TYPEHASH = keccak256(
        "ChangeKeys(bytes32 member,uint64 version,address account,bytes32 identityX,bytes32 identityY,bytes32 logKey,bytes32 sealingKey,uint64 logSize,uint64 overlapUntil)"
    );

    mapping(bytes32 id => Former) private _former;

    /// @dev Of the alliance: part of what is signed
    function allianceId() public view virtual returns (bytes32);

    /// @dev Of the address book: a verifier that nobody voted for accepts anything
    function isVerifier(address verifier) public view virtual returns (bool);

    function keysVersion(bytes32 id) external view returns (uint64) {
        return _former[id].version;
    }

    function formerIdentityKey(bytes32 id) external view returns (bytes32 x, bytes32 y) {
        Former storage former = _former[id];
        if (block.timestamp <= former.identityUntil) return (former.identityX, former.identityY);
    }

    function changeKeys(KeyChange calldata change, address verifier, KeyProofs calldata proofs) external {
        bytes32 id = _ownerOf(msg.sender);
        if (id == 0) revert AllianceNotMember(msg.sender);
        Keys memory old = _keysOf(id);
        Former storage former = _former[id];
        uint64 version = former.version + 1;
        _checkChange(old, former.logSize, change);
        _checkProofs(old, change, _digest(id, version, change), verifier, proofs);

        former.version = version;
        if (change.keys.account != old.account) {
            former.account = old.account;
            former.accountUntil = change.overlapUntil;
        }
        if (_isOtherIdentity(old, change.keys)) {
            former.identityX = old.identityX;
            former.identityY = old.identityY;
            former.identityUntil = change.overlapUntil;
        }
        if (change.keys.logKey != old.logKey) former.logSize = change.logSize;
        _replaceKeys(id, change.keys);
        if (isActive(id)) _noteLife(id);
        emit KeysChanged(id, version, uint64(block.timestamp), change, proofs);
    }

    function _speaksFor(bytes32 id, address account) internal view override returns (bool) {
        if (_ownerOf(account) == id) return true;
        Former storage former = _former[id];
        return account == former.account && block.timestamp <= former.accountUntil;
    }

    function _checkChange(Keys memory old, uint64 lastLogSize, KeyChange calldata change) private view {
        Keys calldata keys = change.keys;
        bool sameLog = keys.logKey == old.logKey;
        if (
            keys.account == address(0) ||
            keys.identityX == 0 ||
            keys.identityY == 0 ||
            keys.logKey == 0 ||
            keys.sealingKey == 0 ||
            change.overlapUntil > block.timestamp + MAX_OVERLAP ||
            (sameLog ? change.logSize != 0 : change.logSize < lastLogSize)
        ) revert AllianceMalformedKeys();
        if (
            sameLog &&
            keys.account == old.account &&
            keys.sealingKey == old.sealingKey &&
            !_isOtherIdentity(old, keys)
        ) revert AllianceUnchanged();
    }

    function _checkProofs(
        Keys memory old,
        KeyChange calldata change,
        bytes32 digest,
        address verifier,
        KeyProofs calldata proofs
    ) private view {
        Keys calldata keys = change.keys;
        if (!isVerifier(verifier)) revert AllianceWrongKeyProof();
        bytes memory signer = abi.encodePacked(verifier, old.identityX, old.identityY);
        bool valid = SignatureChecker.isValidSignatureNow(signer, digest, proofs.identity);
        if (_isOtherIdentity(old, keys)) {
            signer = abi.encodePacked(verifier, keys.identityX, keys.identityY);
            valid = valid && SignatureChecker.isValidSignatureNow(signer, digest, proofs.newIdentity);
        } else {
            valid = valid && proofs.newIdentity.length == 0;
        }
        if (keys.account != old.account) {
            (address recovered, ECDSA.RecoverError problem, ) = ECDSA.tryRecover(digest, proofs.newAccount);
            valid = valid && problem == ECDSA.RecoverError.NoError && recovered == keys.account;
        } else {
            valid = valid && proofs.newAccount.length == 0;
        }
        if (!valid) revert AllianceWrongKeyProof();
    }

    function _digest(bytes32 id, uint64 version, KeyChange calldata change) private view returns (bytes32) {
        Keys calldata keys = change.keys;
        bytes32 structHash = keccak256(
            abi.encode(
                CHANGE_KEYS_TYPEHASH,
                id,
                version,
                keys.account,
                keys.identityX,
                keys.identityY,
                keys.logKey,
                keys.sealingKey,
                change.logSize,
                change.overlapUntil
            )
        );
        return HeqiDomain.digest(allianceId(), structHash);
    }

    function _isOtherIdentity(Keys memory one, Keys memory other) private pure returns (bool) {
        return one.identityX != other.identityX || one.identityY != other.identityY;
    }
}
